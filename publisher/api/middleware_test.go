package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-4e8dee1b/revoked/internal/safebuf"
	"github.com/seed-4e8dee1b/revoked/publisher"
	"github.com/seed-4e8dee1b/revoked/publisher/api"
)

// panicking is a revoker with a bug.
type panicking struct{ fakeRevoker }

func (*panicking) Revoke(context.Context, publisher.Request) (publisher.Status, error) {
	panic("a bug")
}

// net/http ends the connection of a request that panics; the log line and the
// count are ours.
func TestPanic(t *testing.T) {
	log := &safebuf.Buffer{}
	status := 0
	common := api.Common{Revoker: &panicking{}, Tokens: fakeTokens{}, Audit: &fakeAudit{}, Logger: zerolog.New(log)}
	cfg := api.AdminConfig{Common: common, Examiner: fakeTokens{}, Denylist: fakeDenylist{}, Fleet: &fakeFleet{}, Doctor: &fakeFleet{}, Feed: &fakeFleet{}, Keys: keys, Pools: []string{pool}}
	cfg.Served = func(_ string, code int, _ time.Duration) { status = code }
	h, err := api.NewAdmin(cfg)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("panic = %v, want http.ErrAbortHandler", err)
			}
		}()
		(&world{t: t, admin: h}).post(userByID)
	}()
	if status != http.StatusInternalServerError {
		t.Errorf("counted as %d, want 500", status)
	}
	for _, want := range []string{`"panic":"a bug"`, `"stack":`, `"request_id":`, `"status":500`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, log)
		}
	}
}
