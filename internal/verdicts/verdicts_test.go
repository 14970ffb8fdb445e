package verdicts_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/internal/verdicts"
	"github.com/seed-4e8dee1b/revoked/revocation"
)

// The rules themselves, without any index over acts.
func TestVerdictsOfTheRules(t *testing.T) {
	count := 0
	for _, s := range verdicts.Table() {
		for _, c := range s.Cases {
			count++
			t.Run(s.Title+"/"+c.Name, func(t *testing.T) {
				tok, err := c.Read()
				if c.Malformed != "" {
					if !errors.Is(err, revocation.ErrMalformed) || !strings.Contains(err.Error(), ": "+c.Malformed+" ") {
						t.Fatalf("TokenFromClaims(%s) = %v, want ErrMalformed for %s", c.JSON(), err, c.Malformed)
					}
					return
				}
				if err != nil {
					t.Fatalf("TokenFromClaims(%s): %v", c.JSON(), err)
				}
				if got := refusing(t, c.Acts, tok); got != c.RefusedBy {
					t.Errorf("token %s is refused by %q, want %q", c.JSON(), got, c.RefusedBy)
				}
			})
		}
	}
	if count < 80 {
		t.Errorf("%d cases, want at least 80", count)
	}
	t.Logf("%d cases", count)
}

// refusing returns the labels of the acts that refuse tok, in ascending order.
func refusing(t *testing.T, copies []revocation.Act, tok revocation.Token) string {
	t.Helper()
	acts := make(map[revocation.ActID]revocation.Act)
	for _, a := range copies {
		if err := a.Validate(); err != nil {
			t.Fatal(err)
		}
		if known, ok := acts[a.ID]; ok {
			if known.Target != a.Target || known.Basis != a.Basis || known.Cutoff != a.Cutoff {
				t.Fatalf("%+v and %+v have one letter", known, a)
			}
			a = known.Merge(a)
		}
		acts[a.ID] = a
	}
	var labels []string
	for id, a := range acts {
		if !a.Expired(verdicts.T) && a.Refuses(tok) {
			labels = append(labels, verdicts.Label(id))
		}
	}
	slices.Sort(labels)
	return strings.Join(labels, "")
}

// A reader finds each case by its name, and learns of each why it is so.
func TestCasesAreNamedAndExplained(t *testing.T) {
	for _, s := range verdicts.Table() {
		names := make(map[string]bool)
		for _, c := range s.Cases {
			switch {
			case c.Name == "" || names[c.Name]:
				t.Errorf("%s: the name %q is missing or another's", s.Title, c.Name)
			case !strings.HasSuffix(c.Why, "."):
				t.Errorf("%s: %s: %q is not a sentence", s.Title, c.Name, c.Why)
			case c.Malformed != "" && c.RefusedBy != "", c.Strict != "" && !c.Accepted():
				t.Errorf("%s: %s has two verdicts", s.Title, c.Name)
			}
			names[c.Name] = true
			if strings.ContainsAny(c.Name+c.Why+c.Strict, "|\n") {
				t.Errorf("%s: %s would break the table", s.Title, c.Name)
			}
		}
	}
}
