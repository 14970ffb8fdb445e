// Mint makes the keys and credentials that the files in deploy/nats name, for
// nkeys in the configuration or for JWT with scoped signing keys.
//
//	mint nkeys -dir DIR ROLE...               # keys.conf and auth.conf
//	mint jwt   -dir DIR                       # auth.conf, admin and service credentials
//	mint node  -dir DIR -service orders NAME  # NAME.creds, signed with the node scope only
//	mint tls   -dir DIR HOST[,HOST]...        # ca.pem, and HOST.pem and HOST-key.pem for each
//	mint secret -dir DIR NAME...              # 32 random bytes in hexadecimal in the file NAME
//
// Private keys are written below DIR/keys, readable by the owner only; what is
// written beside it is public, but for *.creds. A key that exists is kept: to
// rotate one, move its file away and run the command again. README.md beside
// the configuration says what goes where.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mint:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New(`usage: mint nkeys -dir DIR ROLE... | mint tls -dir DIR HOST[,HOST]... | mint secret -dir DIR NAME... | mint jwt -dir DIR | mint node -dir DIR -service NAME [-expires 2160h] NODE`)

// run is main with its surroundings as arguments. It names on out every file
// that it wrote.
func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	if slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		_, err := fmt.Fprintln(out, errUsage)
		return err
	}
	flags := flag.NewFlagSet("mint "+args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("dir", ".", "the directory of the server's configuration")
	service := flags.String("service", "", "the service for which the node may speak")
	expires := flags.Duration("expires", 0, "validity of a credential (0 for no end) or of certificates (0 for a year)")
	err := flags.Parse(args[1:])
	if errors.Is(err, flag.ErrHelp) {
		_, err := fmt.Fprintln(out, errUsage)
		return err
	}
	if err != nil {
		return fmt.Errorf("%w\n%w", err, errUsage)
	}
	s, err := openStore(*dir, out)
	if err != nil {
		return err
	}
	switch args[0] {
	case "nkeys":
		return writeNkeys(s, flags.Args())
	case "jwt":
		return writeOperator(s)
	case "node":
		if flags.NArg() != 1 {
			return errUsage
		}
		return writeNode(s, *service, flags.Arg(0), *expires)
	case "tls":
		return writeTLS(s, flags.Args(), *expires)
	case "secret":
		return writeSecrets(s, flags.Args())
	}
	return errUsage
}

// checkName refuses what is not one token of a subject. Only lower case: tags
// of a JWT have no other.
func checkName(what, name string) error {
	if name == "" {
		return fmt.Errorf("%s is empty", what)
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return fmt.Errorf("%s %q: only a-z, 0-9, '_' and '-' are allowed", what, name)
		}
	}
	return nil
}
