package embedding

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// Gin protects a group of routes.
func Gin(auth *httpauth.Auth) http.Handler {
	// docs: gin
	r := gin.New()
	protected := r.Group("/", ginMiddleware(auth))
	protected.GET("/orders", gin.WrapF(orders))
	// docs: end
	return r
}

// docs: gin adapter

// ginMiddleware serves the rest of the chain if auth does, and ends it if auth
// has answered.
func ginMiddleware(auth *httpauth.Auth) gin.HandlerFunc {
	return func(c *gin.Context) {
		served := false
		auth.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			served = true
			c.Request = r // with the token in its context
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !served {
			c.Abort()
		}
	}
}

// docs: end
