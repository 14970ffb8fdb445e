package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// keyPrefix lets scanners for leaked secrets find keys of ours.
const keyPrefix = "rvk_"

// keyRoles are those of the service's configuration.
var keyRoles = []string{"viewer", "operator", "admin"}

// keyID is what the service takes for a name.
var keyID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// newKey is a fresh API key with what the service has to know of it.
type newKey struct {
	Key   string   `json:"key"`
	Entry keyEntry `json:"entry"`
}

// keyEntry is an element of api_keys in the service's configuration.
type keyEntry struct {
	ID     string `json:"id"`
	Role   string `json:"role"`
	SHA256 string `json:"sha256"`
}

func makeKey(id, role string) newKey {
	key := keyPrefix + rand.Text() // 26 characters, 130 bits
	sum := sha256.Sum256([]byte(key))
	return newKey{Key: key, Entry: keyEntry{ID: id, Role: role, SHA256: hex.EncodeToString(sum[:])}}
}

func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "key",
		Short:   "Make API keys",
		Long:    `Make API keys for the service. Nothing is sent: the service learns a key's hash from its configuration.`,
		Example: `  revokectl key new --id ci --role operator`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("what about keys? The command is: new")
			}
			return usagef("unknown command %q: it is new", args[0])
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.AddCommand(a.keyNewCommand())
	return cmd
}

func (a *app) keyNewCommand() *cobra.Command {
	var id, role string
	cmd := &cobra.Command{
		Use:   "new --id ID --role ROLE",
		Short: "Make a random API key and its entry for the service",
		Long: `Make a random API key. The key is for the caller: keep it in a secret store, for
it is shown once only. The entry is for api_keys in the service's configuration,
and is no secret: it has the key's SHA-256.

Roles: viewer reads; operator also revokes tokens, sessions, users and devices;
admin also clients, groups and pools.`,
		Example: `  revokectl key new --id ci --role operator
  revokectl key new --id grafana --role viewer -o json | jq -r .key > key.txt`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if !keyID.MatchString(id) {
				return usagef("--id names the key to operators: 1 to 64 letters, digits, '.', '_' and '-'")
			}
			if !slices.Contains(keyRoles, role) {
				return usagef("--role is %s", strings.Join(keyRoles, ", "))
			}
			k := makeKey(id, role)
			if a.output == formatJSON {
				return a.printJSON(k)
			}
			return a.printTable([][]string{
				{"key", k.Key},
				{"entry", fmt.Sprintf("{id: %s, role: %s, sha256: %s}", k.Entry.ID, k.Entry.Role, k.Entry.SHA256)},
			})
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "`NAME` of the key, which operators see with what was done by it")
	cmd.Flags().StringVar(&role, "role", "", "`ROLE`, that is, what it may do: "+strings.Join(keyRoles, ", "))
	fixed(cmd, "role", keyRoles...)
	return cmd
}
