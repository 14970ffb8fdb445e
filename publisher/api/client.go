package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
)

// Client is an app client that may revoke its own tokens.
type Client struct {
	ID   string
	Pool string // user pool id
	// Secret makes it a confidential client, which must authenticate.
	Secret string
}

// client is a checked Client. Of the secret only a hash is kept.
type client struct {
	id, pool string
	secret   [sha256.Size]byte // hash of "" for a public client
}

func newClient(c Client) client {
	return client{id: c.ID, pool: c.Pool, secret: sha256.Sum256([]byte(c.Secret))}
}

// owns reports whether the token was issued to the client, by its pool.
func (c client) owns(tok Token) bool {
	return tok.Claims.ClientID == c.id && tok.Claims.Pool == c.pool
}

// operator is who asked, as kept with a revocation.
func (c client) operator() string { return "client " + c.id }

// authenticate finds the client of a request (RFC 7009, section 2.1). A
// confidential client authenticates with HTTP Basic (RFC 6749, section 2.3.1);
// a public one names itself by client_id.
func (p *public) authenticate(r *http.Request, form map[string]string) (client, error) {
	id := form["client_id"]
	secret := ""
	switch header := r.Header.Values("Authorization"); {
	case len(header) > 1:
		return client{}, invalidRequest("there is more than one Authorization header")
	case len(header) == 1:
		basicID, basicSecret, ok := basicAuth(r)
		if !ok {
			return client{}, invalidClient("the Authorization header is not HTTP Basic")
		}
		if id != "" && id != basicID {
			return client{}, invalidClient("client_id is not the client that authenticated")
		}
		id, secret = basicID, basicSecret
	case id == "":
		return client{}, invalidRequest("client_id is missing")
	}
	c, known := p.clients[id]
	// One answer for all three: unknown, without secret, wrong secret. The
	// comparison takes as long whatever the secret is.
	given := sha256.Sum256([]byte(secret))
	if equal := subtle.ConstantTimeCompare(given[:], c.secret[:]) == 1; !known || !equal {
		return client{}, invalidClient("the client is unknown or did not authenticate as it must")
	}
	return c, nil
}

// basicAuth returns id and secret, each of which is form-urlencoded inside the
// header (RFC 6749, section 2.3.1).
func basicAuth(r *http.Request) (id, secret string, ok bool) {
	id, secret, ok = r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, err1 := url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	return id, secret, err1 == nil && err2 == nil && id != ""
}
