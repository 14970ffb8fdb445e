package verdicts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// T is the moment at which all is decided, in Unix seconds: a hundred days
// after the time at which a synctest bubble begins.
const T int64 = 946_684_800 + 100*86_400

// Pools are the user pools of the table; nobody knows of any other. They are
// two of one Region, of which one id is the beginning of the other's, two of
// other accounts and Regions, and an emulator's with its issuer.
func Pools() []string {
	return []string{shop, shopB, "us-east-1_Shop", "cn-north-1_Shop", emulated}
}

// Issuers maps the emulator's issuer.
func Issuers() []revocation.Issuer {
	return []revocation.Issuer{{URL: "http://localhost:9229/local_1", Pool: emulated}}
}

const (
	shop     = "eu-west-1_Shop"
	shopB    = "eu-west-1_ShopB"
	emulated = "local_1"
)

// Claims are claims by name, as encoding/json would encode them.
type Claims map[string]any

// Absent is the value of a claim that a token does not have.
var Absent = new(struct{})

// Base is the access token from which the token of each case differs. Its
// owner signed in ten minutes before T, and it was issued one minute before.
func Base() Claims {
	return Claims{
		"iss":            "https://cognito-idp.eu-west-1.amazonaws.com/" + shop,
		"token_use":      "access",
		"sub":            "user-1",
		"username":       "name-1",
		"client_id":      "client-1",
		"jti":            "token-1",
		"origin_jti":     "session-1",
		"device_key":     "device-1",
		"cognito:groups": []string{"staff", "admins"},
		"auth_time":      T - 600,
		"iat":            T - 60,
		"exp":            T + 3600,
	}
}

// Case is one row.
type Case struct {
	Name string
	// Token are the claims that differ from Base.
	Token Claims
	// Acts are copies of acts, in the order in which they arrive.
	Acts []revocation.Act
	// RefusedBy are the labels of the acts that refuse the token, such as
	// "AB"; empty if none does.
	RefusedBy string
	// Malformed is the claim that makes the token malformed; empty if none.
	Malformed string
	// Strict says why the validator refuses a token that neither an act nor
	// its form speaks against; empty if it accepts it. Who verifies tokens with
	// a library of their own should refuse it, too.
	Strict string
	Why    string
}

// Accepted reports whether the denylist lets the token pass.
func (c Case) Accepted() bool { return c.RefusedBy == "" && c.Malformed == "" }

// JSON returns the token's claims as its payload has them.
func (c Case) JSON() []byte {
	claims := Base()
	maps.Copy(claims, c.Token)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == Absent })
	b, err := json.Marshal(claims)
	if err != nil {
		panic(fmt.Sprintf("verdicts: case %q: %v", c.Name, err))
	}
	return b
}

// Read reads the token as a service does whose JSON decoder keeps numbers as
// they are.
func (c Case) Read() (revocation.Token, error) {
	var claims map[string]any
	dec := json.NewDecoder(bytes.NewReader(c.JSON()))
	dec.UseNumber()
	if err := dec.Decode(&claims); err != nil {
		return revocation.Token{}, err
	}
	return revocation.TokenFromClaims(claims, Issuers()...)
}

// Label returns the label of an act of the table.
func Label(id revocation.ActID) string { return string(id[len(id)-1:]) }

// change changes an act that one of the functions below has made.
type change func(*revocation.Act)

// act returns an open act that ends a day after T. Label is one letter.
func act(label string, target revocation.Target, changes []change) revocation.Act {
	target.Pool = shop
	a := revocation.Act{State: revocation.StateOpen, Target: target, ExpiresAt: T + 86_400}
	a.ID[len(a.ID)-1] = label[0]
	for _, c := range changes {
		c(&a)
	}
	return a
}

// cut is act for a kind with a cutoff, in seconds from T.
func cut(label string, target revocation.Target, basis revocation.Basis, cutoff int64, changes []change) revocation.Act {
	a := act(label, target, nil)
	a.Basis, a.Cutoff = basis, T+cutoff
	for _, c := range changes {
		c(&a)
	}
	return a
}

//nolint:unparam // like its siblings, which take several labels
func token(label, jti string, changes ...change) revocation.Act {
	return act(label, revocation.Target{Kind: revocation.KindToken, ID: jti}, changes)
}

func session(label, originJTI string, changes ...change) revocation.Act {
	return act(label, revocation.Target{Kind: revocation.KindSession, ID: originJTI}, changes)
}

func user(label, sub string, cutoff int64, changes ...change) revocation.Act {
	return cut(label, revocation.Target{Kind: revocation.KindUser, ID: sub}, revocation.BasisSession, cutoff, changes)
}

func client(label, id string, cutoff int64, changes ...change) revocation.Act {
	return cut(label, revocation.Target{Kind: revocation.KindClient, ID: id}, revocation.BasisToken, cutoff, changes)
}

func group(label, name string, cutoff int64, changes ...change) revocation.Act {
	return cut(label, revocation.Target{Kind: revocation.KindGroup, ID: name}, revocation.BasisToken, cutoff, changes)
}

//nolint:unparam // likewise
func device(label, key string, cutoff int64, changes ...change) revocation.Act {
	return cut(label, revocation.Target{Kind: revocation.KindDevice, ID: key}, revocation.BasisToken, cutoff, changes)
}

func wholePool(label string, cutoff int64, changes ...change) revocation.Act {
	return cut(label, revocation.Target{Kind: revocation.KindPool}, revocation.BasisToken, cutoff, changes)
}

func sessionBasis(a *revocation.Act) { a.Basis = revocation.BasisSession }
func confirmed(a *revocation.Act)    { a.State = revocation.StateConfirmed }
func lifted(a *revocation.Act)       { a.State = revocation.StateLifted }

// in puts an act into another pool.
func in(pool string) change { return func(a *revocation.Act) { a.Target.Pool = pool } }

// except spares a session.
func except(originJTI string) change {
	return func(a *revocation.Act) { a.Target.ExceptSession = originJTI }
}

// ends sets the expiry, in seconds from T.
func ends(at int64) change { return func(a *revocation.Act) { a.ExpiresAt = T + at } }

func acts(copies ...revocation.Act) []revocation.Act { return copies }
