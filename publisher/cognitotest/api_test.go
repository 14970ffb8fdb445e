package cognitotest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

const sigV4 = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/eu-west-1/cognito-idp/aws4_request, " +
	"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// rawCall calls an operation without an SDK.
func (w *world) rawCall(t *testing.T, target, authorization, body string) (*http.Response, string) {
	t.Helper()
	req := must(http.NewRequest(http.MethodPost, w.srv.URL()+"/", strings.NewReader(body)))
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", target)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	return do(t, req)
}

func TestWireFormat(t *testing.T) {
	w := newWorld(t, atEpoch)
	const service = "AWSCognitoIdentityProviderService."
	signOut := `{"UserPoolId":"` + w.pool.ID() + `","Username":"ada"}`
	for _, test := range []struct {
		name, target, authorization, body string
		status                            int
		code                              string // empty for success
	}{
		{"success is an empty object", service + "AdminUserGlobalSignOut", sigV4, signOut, 200, ""},
		{"refusal", service + "AdminUserGlobalSignOut", sigV4, `{"UserPoolId":"a_b","Username":"ada"}`, 400, "ResourceNotFoundException"},
		{"no target", "", "", "{}", 400, "UnknownOperationException"},
		{"other service", "DynamoDB_20120810.RevokeToken", "", "{}", 400, "UnknownOperationException"},
		{"target without service", "RevokeToken", "", "{}", 400, "UnknownOperationException"},
		{"unknown operation", service + "Frobnicate", "", "{}", 400, "UnknownOperationException"},
		{"unsigned", service + "AdminUserGlobalSignOut", "", signOut, 400, "MissingAuthenticationTokenException"},
		{"bearer token instead of a signature", service + "AdminUserGlobalSignOut", "Bearer x", signOut, 400, "IncompleteSignatureException"},
		{"signed for another service", service + "AdminUserGlobalSignOut", strings.Replace(sigV4, "cognito-idp", "s3", 1), signOut, 400, "InvalidSignatureException"},
		{"no JSON", service + "RevokeToken", "", "token=x", 400, "SerializationException"},
		{"wrong type", service + "RevokeToken", "", `{"Token":1}`, 400, "SerializationException"},
		{"trailing data", service + "RevokeToken", "", `{}{}`, 400, "SerializationException"},
		{"missing member", service + "RevokeToken", "", `{"ClientId":"x"}`, 400, "InvalidParameterException"},
		{"too large", service + "RevokeToken", "", `{"Token":"` + strings.Repeat("x", 300<<10) + `"}`, 413, "RequestEntityTooLargeException"},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp, body := w.rawCall(t, test.target, test.authorization, test.body)
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d; body %s", resp.StatusCode, test.status, body)
			}
			if got, want := resp.Header.Get("Date"), epoch.Format(http.TimeFormat); got != want {
				t.Errorf("Date %q, want %q", got, want)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
				t.Errorf("Content-Type %q", got)
			}
			if len(resp.Header.Get("x-amzn-requestid")) != 36 {
				t.Errorf("x-amzn-requestid %q, want a UUID", resp.Header.Get("x-amzn-requestid"))
			}
			if test.code == "" {
				if body != "{}" {
					t.Errorf("body %s, want {}", body)
				}
				return
			}
			if got, want := resp.Header.Get("x-amzn-errortype"), test.code+":"; got != want {
				t.Errorf("x-amzn-errortype %q, want %q", got, want)
			}
			if !strings.Contains(body, `"__type":"`+test.code+`"`) || !strings.Contains(body, `"message":`) {
				t.Errorf("body %s, want __type %s and a message", body, test.code)
			}
		})
	}
}

// TestUnsignedCalls proves that the calls without IAM work for an SDK that
// has no credentials, and that the others then don't.
func TestUnsignedCalls(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	w.aws = cip.New(cip.Options{Region: "eu-west-1", BaseEndpoint: new(w.srv.URL()), Retryer: aws.NopRetryer{}})
	tokens := w.signIn(t)
	if err := w.getUser(tokens.AccessToken); err != nil {
		t.Errorf("GetUser: %v", err)
	}
	if err := w.revoke(tokens.RefreshToken); err != nil {
		t.Errorf("RevokeToken: %v", err)
	}
	_, err := w.aws.AdminUserGlobalSignOut(context.Background(), &cip.AdminUserGlobalSignOutInput{UserPoolId: new(w.pool.ID()), Username: &w.ada.Username})
	wantCode(t, "AdminUserGlobalSignOut", err, "MissingAuthenticationTokenException", "")
}

// TestPoolByAPI sets up and uses a pool by SDK calls alone.
func TestPoolByAPI(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, cognitotest.Config{})
	made, err := w.aws.CreateUserPool(ctx, &cip.CreateUserPoolInput{PoolName: aws.String("shop")})
	if err != nil {
		t.Fatalf("CreateUserPool: %v", err)
	}
	pool := made.UserPool.Id
	if !strings.HasPrefix(*pool, "eu-west-1_") {
		t.Errorf("pool id %s, want one of eu-west-1", *pool)
	}
	shown, err := w.aws.DescribeUserPool(ctx, &cip.DescribeUserPoolInput{UserPoolId: pool})
	if err != nil || *shown.UserPool.Name != "shop" {
		t.Fatalf("DescribeUserPool: %v, %v; want the name shop", shown, err)
	}
	client, err := w.aws.CreateUserPoolClient(ctx, &cip.CreateUserPoolClientInput{
		UserPoolId: pool, ClientName: aws.String("web"),
		ExplicitAuthFlows: []types.ExplicitAuthFlowsType{"ALLOW_USER_PASSWORD_AUTH"},
	})
	if err != nil {
		t.Fatalf("CreateUserPoolClient: %v", err)
	}
	user, err := w.aws.AdminCreateUser(ctx, &cip.AdminCreateUserInput{
		UserPoolId: pool, Username: aws.String("bob"), TemporaryPassword: aws.String("Temp-orary-1"),
		UserAttributes: []types.AttributeType{{Name: aws.String("email"), Value: aws.String("bob@example.com")}},
	})
	if err != nil {
		t.Fatalf("AdminCreateUser: %v", err)
	}
	if user.User.UserStatus != types.UserStatusTypeForceChangePassword {
		t.Errorf("status %s, want FORCE_CHANGE_PASSWORD", user.User.UserStatus)
	}
	_, err = w.aws.AdminCreateUser(ctx, &cip.AdminCreateUserInput{UserPoolId: pool, Username: aws.String("bob")})
	if _, ok := errors.AsType[*types.UsernameExistsException](err); !ok {
		t.Errorf("creating bob twice: %v, want UsernameExistsException", err)
	}

	signIn := func(password string) (*cip.InitiateAuthOutput, error) {
		return w.aws.InitiateAuth(ctx, &cip.InitiateAuthInput{
			AuthFlow: types.AuthFlowTypeUserPasswordAuth, ClientId: client.UserPoolClient.ClientId,
			AuthParameters: map[string]string{"USERNAME": "bob", "PASSWORD": password},
		})
	}
	out, err := signIn("Temp-orary-1")
	if err != nil || out.ChallengeName != types.ChallengeNameTypeNewPasswordRequired || out.AuthenticationResult != nil {
		t.Errorf("temporary password: %+v, %v; want the challenge NEW_PASSWORD_REQUIRED", out, err)
	}
	set := func(password string) error {
		_, err := w.aws.AdminSetUserPassword(ctx, &cip.AdminSetUserPasswordInput{
			UserPoolId: pool, Username: aws.String("bob"), Password: &password, Permanent: true,
		})
		return err
	}
	for _, weak := range []string{"Sh0rt-1", "nocapital-1", "NOSMALL-1", "No-Digit", "NoSymbol1"} {
		wantCode(t, "password "+weak, set(weak), "InvalidPasswordException", "did not conform")
	}
	if err := set(password); err != nil {
		t.Fatalf("AdminSetUserPassword: %v", err)
	}
	if out, err = signIn(password); err != nil || out.AuthenticationResult == nil {
		t.Fatalf("permanent password: %+v, %v", out, err)
	}

	for _, step := range []struct {
		name string
		call func() error
	}{
		{"AdminAddUserToGroup", func() error {
			_, err := w.aws.AdminAddUserToGroup(ctx, &cip.AdminAddUserToGroupInput{UserPoolId: pool, Username: aws.String("bob"), GroupName: aws.String("staff")})
			return err
		}},
		{"CreateGroup", func() error {
			_, err := w.aws.CreateGroup(ctx, &cip.CreateGroupInput{UserPoolId: pool, GroupName: aws.String("staff")})
			return err
		}},
	} {
		if err := step.call(); step.name == "AdminAddUserToGroup" {
			wantCode(t, "joining a group that does not exist", err, "ResourceNotFoundException", "Group not found")
		} else if err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	if _, err := w.aws.AdminAddUserToGroup(ctx, &cip.AdminAddUserToGroupInput{UserPoolId: pool, Username: aws.String("bob"), GroupName: aws.String("staff")}); err != nil {
		t.Errorf("AdminAddUserToGroup: %v", err)
	}
	if _, err := w.aws.AdminRemoveUserFromGroup(ctx, &cip.AdminRemoveUserFromGroupInput{UserPoolId: pool, Username: aws.String("bob"), GroupName: aws.String("staff")}); err != nil {
		t.Errorf("AdminRemoveUserFromGroup: %v", err)
	}
}

func TestUpdateUserPoolClientForgetsWhatIsUnset(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, atEpoch)
	pool := new(w.pool.ID())
	made, err := w.aws.CreateUserPoolClient(ctx, &cip.CreateUserPoolClientInput{
		UserPoolId: pool, ClientName: aws.String("web"), GenerateSecret: true,
		AccessTokenValidity: aws.Int32(5), IdTokenValidity: aws.Int32(1), RefreshTokenValidity: 12,
		TokenValidityUnits: &types.TokenValidityUnitsType{
			AccessToken: types.TimeUnitsTypeMinutes, IdToken: types.TimeUnitsTypeDays, RefreshToken: types.TimeUnitsTypeHours,
		},
		EnableTokenRevocation: aws.Bool(false),
		ExplicitAuthFlows:     []types.ExplicitAuthFlowsType{"ALLOW_REFRESH_TOKEN_AUTH"},
	})
	if err != nil {
		t.Fatalf("CreateUserPoolClient: %v", err)
	}
	id := made.UserPoolClient.ClientId
	tokens := must(w.pool.SignIn(*id, "ada"))
	if tokens.ExpiresIn != 300 {
		t.Errorf("access token for %d s, want 300", tokens.ExpiresIn)
	}
	if _, c := verified(t, w.pool, tokens.IDToken); c["exp"].(float64)-c["iat"].(float64) != 86400 {
		t.Errorf("ID token from %v to %v, want a day", c["iat"], c["exp"])
	}

	if _, err := w.aws.UpdateUserPoolClient(ctx, &cip.UpdateUserPoolClientInput{UserPoolId: pool, ClientId: id}); err != nil {
		t.Fatalf("UpdateUserPoolClient: %v", err)
	}
	shown, err := w.aws.DescribeUserPoolClient(ctx, &cip.DescribeUserPoolClientInput{UserPoolId: pool, ClientId: id})
	if err != nil {
		t.Fatalf("DescribeUserPoolClient: %v", err)
	}
	c := shown.UserPoolClient
	if !*c.EnableTokenRevocation || c.AccessTokenValidity != nil || c.RefreshTokenValidity != 30 || len(c.ExplicitAuthFlows) != 3 {
		t.Errorf("after an update with nothing set: revocation %v, access %v, refresh %d, flows %v; want the defaults",
			*c.EnableTokenRevocation, c.AccessTokenValidity, c.RefreshTokenValidity, c.ExplicitAuthFlows)
	}
	if *c.ClientSecret != *made.UserPoolClient.ClientSecret || *c.ClientName != "web" {
		t.Errorf("the update changed the secret or the name")
	}
	if tokens = must(w.pool.SignIn(*id, "ada")); tokens.ExpiresIn != 3600 {
		t.Errorf("access token for %d s after the update, want 3600", tokens.ExpiresIn)
	}
}

func TestClientSettingsThatCognitoRefuses(t *testing.T) {
	w := newWorld(t, cognitotest.Config{})
	for _, test := range []struct {
		name, code string
		in         cip.CreateUserPoolClientInput
	}{
		{"access below 5 min", "InvalidParameterException", cip.CreateUserPoolClientInput{
			AccessTokenValidity: aws.Int32(4), TokenValidityUnits: &types.TokenValidityUnitsType{AccessToken: types.TimeUnitsTypeMinutes}}},
		{"ID above a day", "InvalidParameterException", cip.CreateUserPoolClientInput{IdTokenValidity: aws.Int32(25)}},
		{"refresh above ten years", "InvalidParameterException", cip.CreateUserPoolClientInput{RefreshTokenValidity: 3651}},
		{"unknown unit", "InvalidParameterException", cip.CreateUserPoolClientInput{
			TokenValidityUnits: &types.TokenValidityUnitsType{AccessToken: "weeks"}}},
		{"grace above 60 s", "InvalidParameterException", cip.CreateUserPoolClientInput{
			RefreshTokenRotation: &types.RefreshTokenRotationType{Feature: types.FeatureTypeEnabled, RetryGracePeriodSeconds: aws.Int32(61)}}},
		{"public machine", "InvalidOAuthFlowException", cip.CreateUserPoolClientInput{
			AllowedOAuthFlows: []types.OAuthFlowType{"client_credentials"}, AllowedOAuthFlowsUserPoolClient: true}},
		{"callback over plain http", "InvalidParameterException", cip.CreateUserPoolClientInput{
			CallbackURLs: []string{"http://app.example/callback"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.in.UserPoolId, test.in.ClientName = new(w.pool.ID()), aws.String("x")
			_, err := w.aws.CreateUserPoolClient(context.Background(), &test.in)
			wantCode(t, "CreateUserPoolClient", err, test.code, "")
		})
	}
}

func TestListUsers(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, cognitotest.Config{})
	google := must(w.pool.CreateUser(cognitotest.UserConfig{Username: "1234", Provider: "Google"}))
	must(w.pool.CreateUser(cognitotest.UserConfig{Username: `o"neil`, Email: "adam@example.com"}))
	for _, test := range []struct{ filter, want string }{
		{``, `Google_1234 ada o"neil`},
		{`sub = "` + w.ada.Subject + `"`, "ada"},
		{`sub = "` + google.Subject + `"`, ""}, // federated users are not found by sub
		{`username = "Google_1234"`, "Google_1234"},
		{`username="ada"`, "ada"},
		{`username = "o\"neil"`, `o"neil`},
		{`email ^= "ada"`, `ada o"neil`},
		{`cognito:user_status = "EXTERNAL_PROVIDER"`, "Google_1234"},
		{`status = "Enabled"`, `Google_1234 ada o"neil`},
		{`family_name = "x"`, ""},
	} {
		var names []string
		pages := cip.NewListUsersPaginator(w.aws, &cip.ListUsersInput{UserPoolId: new(w.pool.ID()), Filter: &test.filter, Limit: aws.Int32(1)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatalf("ListUsers %s: %v", test.filter, err)
			}
			for _, u := range page.Users {
				names = append(names, *u.Username)
			}
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("ListUsers %s = %q, want %q", test.filter, got, test.want)
		}
	}
	_, err := w.aws.ListUsers(ctx, &cip.ListUsersInput{UserPoolId: new(w.pool.ID()), Filter: aws.String("sub = x")})
	wantCode(t, "unquoted filter", err, "InvalidParameterException", "filter")

	out, err := w.aws.AdminGetUser(ctx, &cip.AdminGetUserInput{UserPoolId: new(w.pool.ID()), Username: &w.ada.Subject})
	if err != nil || *out.Username != "ada" || !out.Enabled || out.UserStatus != types.UserStatusTypeConfirmed {
		t.Errorf("AdminGetUser by sub: %+v, %v", out, err)
	}
	if err := w.pool.DisableUser("ada"); err != nil {
		t.Fatal(err)
	}
	out, err = w.aws.AdminGetUser(ctx, &cip.AdminGetUserInput{UserPoolId: new(w.pool.ID()), Username: aws.String("ada")})
	if err != nil || out.Enabled {
		t.Errorf("AdminGetUser of a disabled user: enabled %v, error %v", out.Enabled, err)
	}
}

// TestServerTime proves that the SDK sees the emulator's clock.
func TestServerTime(t *testing.T) {
	w := newWorld(t, cognitotest.Config{Clock: atEpoch.Clock, DateSkew: -7 * time.Second, TokenSkew: 3 * time.Second})
	out, err := w.aws.AdminUserGlobalSignOut(context.Background(), &cip.AdminUserGlobalSignOutInput{UserPoolId: new(w.pool.ID()), Username: &w.ada.Username})
	if err != nil {
		t.Fatalf("AdminUserGlobalSignOut: %v", err)
	}
	if got, ok := awsmiddleware.GetServerTime(out.ResultMetadata); !ok || !got.Equal(epoch.Add(-7*time.Second)) {
		t.Errorf("server time %v, want 7 s before %v", got, epoch)
	}
	if _, c := verified(t, w.pool, *w.signIn(t).AccessToken); c["iat"] != float64(epoch.Unix()+3) {
		t.Errorf("iat %v, want 3 s after %d", c["iat"], epoch.Unix())
	}
}
