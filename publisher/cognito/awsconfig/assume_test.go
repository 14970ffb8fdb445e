package awsconfig_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/seed-4e8dee1b/revoked/publisher/cognito/awsconfig"
)

const roleARN = "arn:aws:iam::210987654321:role/revoked"

// newTokenService answers AssumeRole of one role, as AWS STS documents it: asked
// with the caller's signature and the external id. Its credentials last for that
// long.
func newTokenService(t *testing.T, lasting time.Duration) (cfg aws.Config, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		refused := ""
		switch {
		case !strings.Contains(r.Header.Get("Authorization"), "Credential=AKIASERVICE/") || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/sts/aws4_request"):
			refused = "signature " + r.Header.Get("Authorization")
		case r.FormValue("Action") != "AssumeRole" || r.FormValue("RoleArn") != roleARN || r.FormValue("RoleSessionName") != "revoked":
			refused = fmt.Sprint("request ", r.Form)
		case r.FormValue("ExternalId") != "external-1":
			refused = "external id"
		}
		w.Header().Set("Content-Type", "text/xml")
		if refused != "" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>%s</Message></Error></ErrorResponse>`, refused)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
			<AccessKeyId>ASIAROLE%d</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>%s</Expiration>
			</Credentials></AssumeRoleResult></AssumeRoleResponse>`, n, time.Now().Add(lasting).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(srv.Close)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(srv.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIASERVICE", "secret", ""),
	}, asked
}

func TestAssume(t *testing.T) {
	cfg, asked := newTokenService(t, time.Hour)
	assumed := awsconfig.Assume(cfg, awsconfig.Role{ARN: roleARN, ExternalID: "external-1"})
	if n := asked.Load(); n != 0 {
		t.Errorf("%d calls before credentials are needed", n)
	}
	for range 3 {
		got, err := assumed.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.AccessKeyID != "ASIAROLE1" || got.SessionToken != "session" {
			t.Errorf("credentials %s, want the role's first", got.AccessKeyID)
		}
	}
	own, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || own.AccessKeyID != "AKIASERVICE" {
		t.Errorf("the configuration that assumes has credentials %s, %v, want its own", own.AccessKeyID, err)
	}
}

func TestAssumedCredentialsAreRenewedBeforeTheyEnd(t *testing.T) {
	cfg, asked := newTokenService(t, time.Minute)
	assumed := awsconfig.Assume(cfg, awsconfig.Role{ARN: roleARN, ExternalID: "external-1"})
	for range 2 {
		if _, err := assumed.Credentials.Retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("%d calls for credentials that end within a minute, want 2", n)
	}
}

func TestRoleThatMayNotBeAssumed(t *testing.T) {
	cfg, _ := newTokenService(t, time.Hour)
	for _, role := range []awsconfig.Role{{ARN: roleARN}, {ARN: roleARN, ExternalID: "another"}, {ARN: roleARN + "2", ExternalID: "external-1"}} {
		if _, err := awsconfig.Assume(cfg, role).Credentials.Retrieve(t.Context()); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%+v: %v, want AccessDenied", role, err)
		}
	}
}
