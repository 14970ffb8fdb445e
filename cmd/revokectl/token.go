package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/mattn/go-isatty"
)

// maxToken bounds a presented token. Cognito's are a tenth of it.
const maxToken = 32 << 10

// tokenLike finds a JWT or JWE (RFC 7519, RFC 7516) anywhere in an argument: a
// JSON object in base64url begins with eyJ, and two to four dots follow.
var tokenLike = regexp.MustCompile(`(^|[^A-Za-z0-9_-])eyJ[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*){2,4}`)

// refuseTokens returns an error if an argument contains a token. It runs
// before anything else sees the arguments: no message repeats them.
func refuseTokens(args []string) error {
	for i, arg := range args {
		if tokenLike.MatchString(arg) {
			return usagef("argument %d contains a token; nothing was sent. "+
				"Other processes can read the command line and the shell may have stored it, "+
				"so take this token for leaked and revoke it: give it in a file with --token-file, "+
				"or on standard input with --token-stdin", i+1)
		}
	}
	return nil
}

// readToken reads the token that names a target, from a file, or from standard
// input if the name is empty.
func (a *app) readToken(file string) (string, error) {
	var data []byte
	var err error
	if file == "" {
		if terminal(a.stdin) {
			fmt.Fprintln(a.stderr, "revokectl: reading the token from standard input; end it with Enter and Ctrl-D")
		}
		data, err = readAll(a.stdin, maxToken)
	} else {
		data, err = readFile(file, maxToken)
	}
	source := "--token-stdin"
	if file != "" {
		source = "--token-file"
	}
	if err != nil {
		return "", usagef("%s: %v", source, err)
	}
	token := strings.TrimSpace(string(data))
	parts := strings.Split(token, ".")
	switch {
	case token == "":
		return "", usagef("%s: it is empty", source)
	case strings.ContainsFunc(token, foreign):
		return "", usagef("%s: it is not one bare JWT: it contains other characters than base64url and dots", source)
	case len(parts) == 5:
		return "", usagef("%s: this is an encrypted token, such as a refresh token, which names no target; "+
			"give an access or ID token of the same sign-in", source)
	case len(parts) != 3:
		return "", usagef("%s: it is not a JWT, which has three parts with dots between them; this has %d", source, len(parts))
	}
	return token, nil
}

// tokenAlphabet is that of base64url and the dot between parts.
const tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

func foreign(r rune) bool { return !strings.ContainsRune(tokenAlphabet, r) }

// terminal reports whether a stream is a terminal; /dev/null, of which cron and
// service managers make standard input, is none.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
