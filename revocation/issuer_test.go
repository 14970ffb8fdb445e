package revocation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

func TestPoolFromIssuerKnowsTheIssuersOfAPool(t *testing.T) {
	for iss, want := range map[string]string{
		"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123":              "eu-west-1_AbC123",
		"https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123":       "eu-west-1_AbC123",
		"https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_0":           "us-gov-west-1_0",
		"https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbC123":         "cn-north-1_AbC123",
		"https://issuer-cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbC123":  "cn-north-1_AbC123",
		"https://cognito-idp.ap-southeast-2.amazonaws.com/ap-southeast-2_ABCDEFGHI": "ap-southeast-2_ABCDEFGHI",
		// 55 characters, the longest pool id.
		"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_" + strings.Repeat("x", 45): "eu-west-1_" + strings.Repeat("x", 45),
	} {
		if got, err := revocation.PoolFromIssuer(iss); err != nil || got != want {
			t.Errorf("PoolFromIssuer(%q) = %q, %v, want %q", iss, got, err, want)
		}
	}
}

func TestPoolFromIssuerRefusesOtherHostsAndPaths(t *testing.T) {
	for name, iss := range map[string]string{
		"empty":                     "",
		"pool alone":                "eu-west-1_A",
		"plain http":                "http://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
		"no scheme":                 "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
		"upper case scheme":         "HTTPS://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
		"upper case host":           "https://COGNITO-IDP.eu-west-1.amazonaws.com/eu-west-1_A",
		"upper case Region":         "https://cognito-idp.EU-WEST-1.amazonaws.com/EU-WEST-1_A/",
		"Regions in two cases":      "https://cognito-idp.EU-WEST-1.amazonaws.com/eu-west-1_A",
		"longer host":               "https://cognito-idp.eu-west-1.amazonaws.com.evil.com/eu-west-1_A",
		"other host":                "https://evil.com/eu-west-1_A",
		"our host as its path":      "https://evil.com/cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
		"userinfo before the host":  "https://evil@cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
		"our host as the userinfo":  "https://cognito-idp.eu-west-1.amazonaws.com@evil.com/eu-west-1_A",
		"userinfo that ends as us":  "https://cognito-idp.x@evil.amazonaws.com/x@evil_A",
		"prefix of the host":        "https://evil-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
		"issuer prefix twice":       "https://issuer-issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
		"subdomain":                 "https://a.cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
		"Region with a dot":         "https://cognito-idp.evil.eu-west-1.amazonaws.com/eu-west-1_A",
		"Region with a slash":       "https://cognito-idp.evil.com/.amazonaws.com/evil.com/_A",
		"port":                      "https://cognito-idp.eu-west-1.amazonaws.com:443/eu-west-1_A",
		"trailing dot":              "https://cognito-idp.eu-west-1.amazonaws.com./eu-west-1_A",
		"no Region":                 "https://cognito-idp.amazonaws.com/eu-west-1_A",
		"empty Region":              "https://cognito-idp..amazonaws.com/_A",
		"pool of another Region":    "https://cognito-idp.eu-west-1.amazonaws.com/us-east-1_A",
		"Region that is a prefix":   "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-10_A",
		"China's suffix elsewhere":  "https://cognito-idp.eu-west-1.amazonaws.com.cn/eu-west-1_A",
		"China without its suffix":  "https://cognito-idp.cn-north-1.amazonaws.com/cn-north-1_A",
		"China's suffix twice":      "https://cognito-idp.cn-north-1.amazonaws.com.cn.cn/cn-north-1_A",
		"no pool":                   "https://cognito-idp.eu-west-1.amazonaws.com",
		"empty pool":                "https://cognito-idp.eu-west-1.amazonaws.com/",
		"pool of a Region alone":    "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_",
		"trailing slash":            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A/",
		"two slashes":               "https://cognito-idp.eu-west-1.amazonaws.com//eu-west-1_A",
		"path traversal":            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A/../eu-west-1_B",
		"escaped":                   "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1%5FA",
		"query":                     "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A?x",
		"fragment":                  "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A#x",
		"space before":              " https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A",
		"newline after":             "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A\n",
		"hyphen in the pool's name": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A-B",
		"letter beyond ASCII":       "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_\u0410",
		"56 characters":             "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_" + strings.Repeat("x", 46),
		"configured, but longer":    "http://localhost:9229/local_1/",
	} {
		got, err := revocation.PoolFromIssuer(iss, revocation.Issuer{URL: "http://localhost:9229/local_1", Pool: "local_1"})
		if !errors.Is(err, revocation.ErrMalformed) || got != "" {
			t.Errorf("%s: PoolFromIssuer(%q) = %q, %v, want ErrMalformed", name, iss, got, err)
		}
	}
}

func TestConfiguredIssuersWin(t *testing.T) {
	emulator := revocation.Issuer{URL: "http://localhost:9229/local_1", Pool: "local_1"}
	proxy := revocation.Issuer{URL: issuer, Pool: "eu-west-1_Proxied"}
	for _, test := range []struct {
		iss  string
		want string
	}{
		{emulator.URL, "local_1"},
		{proxy.URL, "eu-west-1_Proxied"},
		{"https://issuer-cognito-idp.eu-west-1.amazonaws.com/" + pool, pool},
	} {
		if got, err := revocation.PoolFromIssuer(test.iss, emulator, proxy); err != nil || got != test.want {
			t.Errorf("PoolFromIssuer(%q) = %q, %v, want %q", test.iss, got, err, test.want)
		}
		tok, err := revocation.TokenFromClaims(with(decodeClaims(t, accessJSON), "iss", test.iss), emulator, proxy)
		if err != nil || tok.Pool != test.want {
			t.Errorf("TokenFromClaims with iss %q: pool %q, %v, want %q", test.iss, tok.Pool, err, test.want)
		}
	}
}

// A token without a pool is refused by no act, so a half-filled configuration
// must not produce one.
func TestIssuersWithoutURLOrPoolMapNothing(t *testing.T) {
	for _, configured := range []revocation.Issuer{{}, {Pool: pool}, {URL: "http://localhost:9229/local_1"}} {
		if got, err := revocation.PoolFromIssuer(configured.URL, configured); err == nil {
			t.Errorf("PoolFromIssuer(%q, %+v) = %q, nil, want an error", configured.URL, configured, got)
		}
	}
}

func TestTokensOfUnknownIssuersAreMalformed(t *testing.T) {
	refuseClaims(t, with(decodeClaims(t, accessJSON), "iss", "https://cognito-idp.eu-west-1.amazonaws.com.evil.com/"+pool), "iss")
}
