package config

import (
	"net/url"
	"os"
	"strings"

	"github.com/seed-4e8dee1b/revoked/internal/stream"
)

// NATS says how to connect. The variables are those of the nats command.
type NATS struct {
	// URL is one or more URLs of servers, separated by commas. Required.
	URL   string `yaml:"url" env:"NATS_URL"`
	Creds string `yaml:"creds" env:"NATS_CREDS"` // path of a credentials file
	NKey  string `yaml:"nkey" env:"NATS_NKEY"`   // path of a file with the seed of an nkey
	CA    string `yaml:"ca" env:"NATS_CA"`       // path of a PEM file: who signs the servers' certificates; the system's roots without
	Cert  string `yaml:"cert" env:"NATS_CERT"`   // path of a PEM file: the client's certificate; goes with Key
	Key   string `yaml:"key" env:"NATS_KEY"`     // path of a PEM file: the key of Cert
	// InboxPrefix is the private inbox prefix of the credential, if it has one.
	InboxPrefix string `yaml:"inbox_prefix" env:"NATS_INBOX_PREFIX"`
}

// Problems says what is wrong with n, which is at the key "nats", and with the
// prefix of all subjects.
func (n NATS) Problems(prefix string) []Problem {
	var list Problems
	if _, err := stream.NewNames(prefix); err != nil {
		list.Add("prefix", prefix, "is not a prefix", "use a-z, 0-9, '_' and '-', at most 64 of them")
	}
	if n.URL == "" {
		list.Add("nats.url (NATS_URL)", "", "is missing", "set one or more URLs, such as nats://localhost:4222")
	}
	for u := range strings.SplitSeq(n.URL, ",") {
		if parsed, err := url.Parse(strings.TrimSpace(u)); n.URL != "" && (err != nil || strings.TrimSpace(u) == "" || parsed.Scheme != "" && parsed.Host == "") {
			list.Add("nats.url (NATS_URL)", MaskURLs(n.URL), "has an element that is not a URL", "set URLs such as nats://localhost:4222")
			break
		}
	}
	for _, f := range []struct{ key, path string }{
		{"nats.creds (NATS_CREDS)", n.Creds}, {"nats.nkey (NATS_NKEY)", n.NKey}, {"nats.ca (NATS_CA)", n.CA},
		{"nats.cert (NATS_CERT)", n.Cert}, {"nats.key (NATS_KEY)", n.Key},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			list.Add(f.key, f.path, Cause(err), "name a file that can be read")
		}
	}
	if (n.Cert == "") != (n.Key == "") {
		list.Add("nats.cert, nats.key", "", "go together", "set both or none")
	}
	return list
}

// Mask is shown in place of a secret.
const Mask = "********"

// MaskURLs hides the passwords in a list of URLs.
func MaskURLs(list string) string {
	urls := strings.Split(list, ",")
	for i, raw := range urls {
		if strings.Contains(raw, "@") {
			u, err := url.Parse(strings.TrimSpace(raw))
			switch {
			case err != nil:
				urls[i] = Mask
			case u.User != nil:
				// A name alone is a token.
				u.User = url.User("xxxxx")
				urls[i] = u.String()
			}
		}
	}
	return strings.Join(urls, ",")
}
