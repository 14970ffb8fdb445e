package denylist_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/denylist"
	"github.com/seed-4e8dee1b/revoked/internal/verdicts"
)

// The index agrees with docs/verdicts.md.
func TestVerdicts(t *testing.T) {
	for _, s := range verdicts.Table() {
		for _, c := range s.Cases {
			if c.Malformed != "" {
				continue // no token to look up
			}
			t.Run(s.Title+"/"+c.Name, func(t *testing.T) {
				tok, err := c.Read()
				if err != nil {
					t.Fatal(err)
				}
				d := denylist.New()
				for _, a := range c.Acts {
					d.Apply(a)
				}
				for range 2 {
					var labels []string
					for _, a := range d.FindAll(&tok, verdicts.T) {
						labels = append(labels, verdicts.Label(a.ID))
					}
					slices.Sort(labels)
					if got := strings.Join(labels, ""); got != c.RefusedBy {
						t.Errorf("token %s is refused by %q, want %q", c.JSON(), got, c.RefusedBy)
					}
					id, _, found := d.Find(&tok, verdicts.T)
					if found != (c.RefusedBy != "") || found && !strings.Contains(c.RefusedBy, verdicts.Label(id)) {
						t.Errorf("Find(%s) = %s, %v, want one of %q", c.JSON(), id, found, c.RefusedBy)
					}
					d.Prune(verdicts.T) // must not change anything
				}
			})
		}
	}
}
