package main

import (
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/docs"
	"github.com/seed-4e8dee1b/revoked/internal/reference"
	"github.com/seed-4e8dee1b/revoked/internal/service"
)

func TestReference(t *testing.T) {
	reference.Compare(t, "revoked.md", reference.Commands(t, rootCommand(), "The configuration, key by key: [configuration.md](configuration.md)."))
}

func TestConfigurationReference(t *testing.T) {
	reference.Compare(t, "configuration.md", reference.Configuration(t, reference.Settings{
		Title: "Configuration of revoked",
		Intro: "A YAML file (`--config`; an unknown key is an error with its line), then the environment, then flags: the later wins. " +
			"A variable that is empty counts as unset. Durations are written as `500ms`, `2s`, `1m` or `24h`; lists in variables are separated by commas. " +
			"**Secrets** are refused in the file: they come from a variable, or from a file of their own whose path is given. " +
			"`revoked config check` prints what is in force with secrets masked, or everything that is wrong. An example: [api.md](../api.md#configuration).",
		Defaults: service.Default(),
		Flags:    serveCommand().Flags(),
		More: `## Other variables

| variable | |
| --- | --- |
| ` + "`AWS_*`" + ` | credentials and endpoints, as the AWS SDK reads them; see [api.md](../api.md#configuration) for the permissions |
| ` + "`NO_COLOR`" + ` | if set, the log format console has no colors |`,
	}))
}

// Every command line of the documentation is one that this program takes.
func TestPages(t *testing.T) { docs.CheckCommands(t, rootCommand()) }
