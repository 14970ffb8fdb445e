package main

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/docs"
	"github.com/seed-4e8dee1b/revoked/internal/gate"
	"github.com/seed-4e8dee1b/revoked/internal/reference"
)

func TestReference(t *testing.T) {
	reference.Compare(t, "revoked-gate.md", reference.Commands(t, rootCommand(), "How to set it up: [gate.md](../gate.md). The configuration, key by key: [gate-configuration.md](gate-configuration.md)."))
}

func TestConfigurationReference(t *testing.T) {
	reference.Compare(t, "gate-configuration.md", reference.Configuration(t, reference.Settings{
		Title: "Configuration of revoked-gate",
		Intro: "A YAML file (`--config`, required; an unknown key is an error with its line), then the environment, which wins. " +
			"A variable that is empty counts as unset. Durations are written as `500ms`, `2s`, `1m` or `24h`. There are no secrets in it, only paths of files that have some. " +
			"`revoked-gate config check` prints what is in force, or everything that is wrong. What the rules do: [gate.md](../gate.md#rules).",
		Defaults: gate.Default(),
		Flags:    serveCommand().Flags(),
		More: `## Other variables

| variable | |
| --- | --- |
| ` + "`REVOKED_STALE_POLICY`" + ` | fail-open: the break-glass, until the next restart without it; nothing else is allowed |
| ` + "`NO_COLOR`" + ` | if set, the log format console has no colors |`,
	}))
}

// Every command line of the documentation is one that this program takes.
func TestPages(t *testing.T) { docs.CheckCommands(t, rootCommand()) }
