package embedding

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// Chi protects a group of routes: chi's middleware is that of net/http.
func Chi(auth *httpauth.Auth) http.Handler {
	// docs: chi
	r := chi.NewRouter()
	r.Group(func(r chi.Router) {
		r.Use(auth.Middleware)
		r.Get("/orders", orders)
	})
	// docs: end
	return r
}
