package dev

import (
	"context"
	"fmt"
	"io"

	"github.com/seed-4e8dee1b/revoked/publisher/cognitotest"
)

// CognitoAddr is where the emulator listens if nothing else is said.
const CognitoAddr = "127.0.0.1:9229"

// RunCognito serves the emulator with the demo pool until ctx ends. What to try
// is written to out.
func RunCognito(ctx context.Context, listen string, out io.Writer) error {
	srv, err := cognitotest.Start(cognitotest.Config{Addr: listen})
	if err != nil {
		return err
	}
	defer srv.Close()
	demo, err := srv.SeedDemo()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `Cognito emulator on %[1]s (Ctrl-C stops it; nothing is kept)

  user pool  %[2]s
  issuer     %[3]s
  keys       %[4]s
  clients    %[5]s  (public)
             %[6]s  (secret %[7]s)
             %[8]s  (client_credentials, same secret)
  users      %[9]s (group admins) and %[10]s, password %[11]s

Try:
  export AWS_ENDPOINT_URL=%[1]s AWS_REGION=%[12]s AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
  aws cognito-idp initiate-auth --client-id %[5]s \
    --auth-flow USER_PASSWORD_AUTH --auth-parameters USERNAME=%[9]s,PASSWORD=%[11]s
`, srv.URL(), demo.Pool.ID(), demo.Pool.Issuer(), demo.Pool.JWKSURL(),
		cognitotest.DemoClientID, cognitotest.DemoVaultClientID, cognitotest.DemoClientSecret, cognitotest.DemoMachineClientID,
		demo.Ada.Username, demo.Grace.Username, cognitotest.DemoPassword, demo.Pool.Region())
	<-ctx.Done()
	return nil
}
