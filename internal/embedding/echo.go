package embedding

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// Echo protects a group of routes with echo's own adapter.
func Echo(auth *httpauth.Auth) http.Handler {
	// docs: echo
	e := echo.New()
	protected := e.Group("", echo.WrapMiddleware(auth.Middleware))
	protected.GET("/orders", echo.WrapHandler(http.HandlerFunc(orders)))
	// docs: end
	return e
}
