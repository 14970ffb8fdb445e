package cognitotest

// What [Server.SeedDemo] creates has these fixed names, so that
// documentation can show commands that work. They are no secrets.
const (
	DemoPoolID = "eu-west-1_Demo12345"
	// DemoClientID is a public client with password and code flows.
	DemoClientID = "demoappclient000000000000a"
	// DemoVaultClientID is a confidential client, likewise.
	DemoVaultClientID = "demovaultclient0000000000b"
	// DemoMachineClientID is a client of the client_credentials grant.
	DemoMachineClientID = "demomachineclient00000000c"
	// DemoClientSecret belongs to both clients that have one.
	DemoClientSecret = "demosecretdemosecretdemosecret"
	// DemoPassword is that of both users.
	DemoPassword = "Correct-Horse-1"
	// DemoCallbackURL is where the sign-in page returns to unless SeedDemo
	// is told otherwise.
	DemoCallbackURL = "http://localhost:8080/callback"
)

// DemoPool is what [Server.SeedDemo] created.
type DemoPool struct {
	Pool    *Pool
	Client  *Client
	Vault   *Client
	Machine *Client
	Ada     *User // in the group "admins"
	Grace   *User
}

// SeedDemo creates a pool with three clients and two users to try things
// with. Without callbackURLs the clients have [DemoCallbackURL]. A server
// takes one demo pool.
func (s *Server) SeedDemo(callbackURLs ...string) (DemoPool, error) {
	if len(callbackURLs) == 0 {
		callbackURLs = []string{DemoCallbackURL}
	}
	pool, err := s.CreatePool(PoolConfig{ID: DemoPoolID, Name: "demo"})
	if err != nil {
		return DemoPool{}, err
	}
	demo := DemoPool{Pool: pool}
	scopes := []string{"openid", "email", "profile", scopeSelfService}
	for _, c := range []struct {
		made   **Client
		config ClientConfig
	}{
		{&demo.Client, ClientConfig{
			ID: DemoClientID, Name: "demo-app", CallbackURLs: callbackURLs, LogoutURLs: callbackURLs, Scopes: scopes,
		}},
		{&demo.Vault, ClientConfig{
			ID: DemoVaultClientID, Name: "demo-vault", Secret: DemoClientSecret,
			CallbackURLs: callbackURLs, LogoutURLs: callbackURLs, Scopes: scopes,
		}},
		{&demo.Machine, ClientConfig{
			ID: DemoMachineClientID, Name: "demo-machine", Secret: DemoClientSecret,
			OAuthFlows: []string{grantClient}, Scopes: []string{"orders/read", "orders/write"},
		}},
	} {
		if *c.made, err = pool.CreateClient(c.config); err != nil {
			return DemoPool{}, err
		}
	}
	demo.Ada, err = pool.CreateUser(UserConfig{
		Username: "ada", Subject: "ada0c0de-1815-4210-8000-000000000001",
		Password: DemoPassword, Email: "ada@example.com", Groups: []string{"admins"},
	})
	if err != nil {
		return DemoPool{}, err
	}
	demo.Grace, err = pool.CreateUser(UserConfig{
		Username: "grace", Subject: "96ace000-1906-4209-8000-000000000002",
		Password: DemoPassword, Email: "grace@example.com",
	})
	return demo, err
}
