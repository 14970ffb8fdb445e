package config

import (
	"io"

	"github.com/rs/zerolog"
)

// Log says what is logged, and how.
type Log struct {
	Level   string // zerolog's names
	Format  string // json or console
	NoColor bool   // in the console format
}

// Problems says what is wrong with l, whose keys are log_level and log_format.
func (l Log) Problems() []Problem {
	var list Problems
	if _, err := zerolog.ParseLevel(l.Level); err != nil {
		list.Add("log_level", l.Level, "is unknown", "set debug, info, warn or error")
	}
	if l.Format != "json" && l.Format != "console" {
		list.Add("log_format", l.Format, "is unknown", "set json or console")
	}
	return list
}

// Logger returns a logger that writes to out what l asks for.
func (l Log) Logger(out io.Writer) zerolog.Logger {
	if l.Format == "console" {
		out = zerolog.ConsoleWriter{Out: out, NoColor: l.NoColor}
	}
	level, err := zerolog.ParseLevel(l.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}
