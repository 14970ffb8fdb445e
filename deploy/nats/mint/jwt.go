package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// What each role may do; accounts.conf says the same for nkeys, with reasons.
var (
	servicePublish = []string{
		"revoked.rev.event", "revoked.rev.beat", "revoked.fast.event", "revoked.probe",
		"$JS.API.STREAM.INFO.REVOKED_EVENTS",
		"$JS.API.DIRECT.GET.REVOKED_EVENTS",
		"$JS.API.DIRECT.GET.REVOKED_EVENTS.revoked.rev.schedule",
		"revoked.task.>", "revoked.audit.>", "revoked.fleet.>",
		"$JS.API.STREAM.INFO.REVOKED_TASKS",
		"$JS.API.DIRECT.GET.REVOKED_TASKS", "$JS.API.STREAM.MSG.GET.REVOKED_TASKS",
		"$JS.API.STREAM.INFO.REVOKED_AUDIT",
		"$JS.API.DIRECT.GET.REVOKED_AUDIT.>", "$JS.API.DIRECT.GET.REVOKED_AUDIT",
		"$JS.API.STREAM.INFO.REVOKED_FLEET", "$JS.API.DIRECT.GET.REVOKED_FLEET",
	}
	serviceSubscribe = []string{
		"revoked.live.*", "revoked.fast.event", "revoked.probe", "revoked.status.>", "revoked.fleet.>", "_INBOX_revoked.>",
	}
	nodePublish   = []string{"$JS.API.DIRECT.GET.REVOKED_EVENTS", "revoked.status.{{tag(service)}}.>"}
	nodeSubscribe = []string{"revoked.live.*", "revoked.fast.event", "revoked.probe", "_INBOX_{{name()}}.>"}
)

// identity is a key pair and its public half.
type identity struct {
	pair   nkeys.KeyPair
	public string
}

func (s store) identity(name string, kind nkeys.PrefixByte) (identity, error) {
	pair, err := s.key(name, kind)
	if err != nil {
		return identity{}, err
	}
	public, err := pair.PublicKey()
	return identity{pair, public}, err
}

// writeOperator writes auth.conf with the JWTs of operator and accounts, and
// the credentials of those who are not nodes.
func writeOperator(s store) error {
	ids := make(map[string]identity)
	for name, kind := range map[string]nkeys.PrefixByte{
		"operator": nkeys.PrefixByteOperator,
		"revoked":  nkeys.PrefixByteAccount, "nodes": nkeys.PrefixByteAccount, "sys": nkeys.PrefixByteAccount,
		"scope-admin": nkeys.PrefixByteAccount, "scope-service": nkeys.PrefixByteAccount, "scope-node": nkeys.PrefixByteAccount,
	} {
		id, err := s.identity(name, kind)
		if err != nil {
			return err
		}
		ids[name] = id
	}
	withdrawn, err := s.withdrawn()
	if err != nil {
		return err
	}
	revoked, err := revokedAccount(ids)
	if err != nil {
		return err
	}
	nodes, err := nodesAccount(ids)
	if err != nil {
		return err
	}
	for _, user := range withdrawn {
		revoked.Revoke(user)
		nodes.Revoke(user)
	}
	sys := jwt.NewAccountClaims(ids["sys"].public)
	sys.Name = "SYS"
	op := jwt.NewOperatorClaims(ids["operator"].public)
	op.Name = "revoked"
	op.SystemAccount = ids["sys"].public
	signed, err := op.Encode(ids["operator"].pair)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by mint: public, but only the operator's key can change it.\noperator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {\n", signed, ids["sys"].public)
	for _, claims := range []*jwt.AccountClaims{revoked, nodes, sys} {
		if err := check(claims); err != nil {
			return err
		}
		signed, err := claims.Encode(ids["operator"].pair)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "  # %s\n  %s: %s\n", claims.Name, claims.Subject, signed)
	}
	b.WriteString("}\n")
	if err := s.write("auth.conf", []byte(b.String()), 0o644); err != nil {
		return err
	}
	for _, u := range []user{
		{file: "admin", account: ids["revoked"], signer: ids["scope-admin"]},
		{file: "service", account: ids["revoked"], signer: ids["scope-service"]},
		{file: "system", account: ids["sys"], signer: ids["sys"]},
	} {
		if _, err := os.Stat(filepath.Join(s.dir, u.file+".creds")); err == nil {
			continue // kept, as keys are
		}
		if err := writeUser(s, u); err != nil {
			return err
		}
	}
	return nil
}

// withdrawn returns the users named in the file "withdrawn", one public key a
// line: their credentials are refused from now on.
func (s store) withdrawn() ([]string, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "withdrawn"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	users := strings.Fields(string(text))
	for _, u := range users {
		if !nkeys.IsValidPublicUserKey(u) {
			return nil, fmt.Errorf("withdrawn: %q is not the public key of a user", u)
		}
	}
	return users, err
}

func check(c jwt.Claims) error {
	var results jwt.ValidationResults
	c.Validate(&results)
	return errors.Join(results.Errors()...)
}

// scope limits what a signing key can sign to one role.
func scope(key identity, role string, publish, subscribe []string) *jwt.UserScope {
	s := jwt.NewUserScope()
	s.Key, s.Role = key.public, role
	s.Template.Pub.Allow.Add(publish...)
	s.Template.Sub.Allow.Add(subscribe...)
	return s
}

// share is an export that only accounts with a token of the exporter import.
type share struct {
	subject  string
	kind     jwt.ExportType
	response jwt.ResponseType
}

const directGet = "$JS.API.DIRECT.GET.REVOKED_EVENTS"

var (
	fromRevoked = []share{
		{subject: "revoked.live.*", kind: jwt.Stream},
		{subject: "revoked.fast.event", kind: jwt.Stream},
		{subject: "revoked.probe", kind: jwt.Stream},
		{subject: directGet, kind: jwt.Service, response: jwt.ResponseTypeStream},
	}
	fromNodes = []share{{subject: "revoked.status.>", kind: jwt.Stream}}
)

func revokedAccount(ids map[string]identity) (*jwt.AccountClaims, error) {
	a := jwt.NewAccountClaims(ids["revoked"].public)
	a.Name = "REVOKED"
	a.Limits.JetStreamLimits = jwt.JetStreamLimits{
		MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit,
	}
	a.SigningKeys.AddScopedSigner(scope(ids["scope-admin"], "admin", nil, nil))
	a.SigningKeys.AddScopedSigner(scope(ids["scope-service"], "service", servicePublish, serviceSubscribe))
	return a, exchange(a, ids["nodes"], fromRevoked, fromNodes)
}

func nodesAccount(ids map[string]identity) (*jwt.AccountClaims, error) {
	a := jwt.NewAccountClaims(ids["nodes"].public)
	a.Name = "NODES"
	a.SigningKeys.AddScopedSigner(scope(ids["scope-node"], "node", nodePublish, nodeSubscribe))
	return a, exchange(a, ids["revoked"], fromNodes, fromRevoked)
}

// exchange adds the exports of a and its imports from another account, with
// the tokens that the other has signed.
func exchange(a *jwt.AccountClaims, other identity, exports, imports []share) error {
	for _, e := range exports {
		a.Exports.Add(&jwt.Export{
			Subject: jwt.Subject(e.subject), Type: e.kind, ResponseType: e.response, TokenReq: true,
		})
	}
	for _, i := range imports {
		grant := jwt.NewActivationClaims(a.Subject)
		grant.ImportSubject, grant.ImportType = jwt.Subject(i.subject), i.kind
		token, err := grant.Encode(other.pair)
		if err != nil {
			return err
		}
		a.Imports.Add(&jwt.Import{
			Subject: jwt.Subject(i.subject), Account: other.public, Token: token, Type: i.kind,
		})
	}
	return nil
}

// user is a credential to be made.
type user struct {
	file    string // and name of the user
	tag     string // "service:NAME" for nodes
	account identity
	signer  identity
	expires time.Duration
}

// writeNode makes the credential of one node, or of all nodes of a service.
func writeNode(s store, service, name string, expires time.Duration) error {
	if err := errors.Join(checkName("-service", service), checkName("name", name)); err != nil {
		return err
	}
	if service == "revoked" {
		return errors.New(`-service: "revoked" is the revoke service itself`)
	}
	u := user{file: name, tag: "service:" + service, expires: expires}
	for key, id := range map[string]*identity{"nodes": &u.account, "scope-node": &u.signer} {
		pair, err := s.existing(key)
		if err != nil {
			return err
		}
		if id.public, err = pair.PublicKey(); err != nil {
			return err
		}
		id.pair = pair
	}
	return writeUser(s, u)
}

func writeUser(s store, u user) error {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return err
	}
	seed, err := pair.Seed()
	if err != nil {
		return err
	}
	claims := jwt.NewUserClaims(public)
	claims.Name = u.file
	claims.IssuerAccount = u.account.public
	if u.expires > 0 {
		claims.Expires = time.Now().Add(u.expires).Unix()
	}
	if u.tag != "" {
		claims.Tags.Add(u.tag)
	}
	if u.signer.public != u.account.public {
		// All permissions come from the scope of the key that signs.
		claims.UserPermissionLimits = jwt.UserPermissionLimits{}
	} else {
		claims.IssuerAccount = ""
	}
	signed, err := claims.Encode(u.signer.pair)
	if err != nil {
		return err
	}
	creds, err := jwt.FormatUserConfig(signed, seed)
	if err != nil {
		return err
	}
	if err := s.write(u.file+".creds", creds, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "  user %s\n", public)
	return nil
}
