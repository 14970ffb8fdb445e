package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/seed-4e8dee1b/revoked/internal/build"
	"github.com/seed-4e8dee1b/revoked/internal/client"
)

const (
	envURL     = "REVOKED_URL"
	envKey     = "REVOKED_API_KEY"
	envKeyFile = "REVOKED_API_KEY_FILE"

	// maxKey bounds a key file; a longer one is some other file.
	maxKey = 4 << 10
)

// connect makes a client from flags and environment. It sends nothing.
func (a *app) connect() (*client.Client, error) {
	url, source := a.url, "--url"
	if url == "" {
		url, source = a.getenv(envURL), envURL
	}
	if url == "" {
		return nil, usagef("%s is not set: it is the address of the service's administration API, "+
			"such as http://127.0.0.1:8081 (or use --url)", envURL)
	}
	key, keySource, err := a.apiKey()
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{
		URL:          url,
		APIKey:       key,
		InsecureHTTP: a.insecureHTTP,
		UserAgent:    fmt.Sprintf("revokectl/%s (%s/%s)", build.Current().Version, runtime.GOOS, runtime.GOARCH),
	})
	switch {
	case errors.Is(err, client.ErrPlainHTTP):
		return nil, usagef("%s is http:// to another machine: the API key would travel unencrypted. "+
			"Use https://, or --insecure-http if you trust everything on the way", source)
	case errors.Is(err, client.ErrURL):
		return nil, usagef("%s: %v", source, err)
	case errors.Is(err, client.ErrAPIKey):
		return nil, usagef("%s: %v", keySource, err)
	}
	return c, err
}

// apiKey returns the key and where it is from.
func (a *app) apiKey() (key, source string, err error) {
	key, file := a.getenv(envKey), a.getenv(envKeyFile)
	switch {
	case key != "" && file != "":
		return "", "", usagef("both %s and %s are set: keep one", envKey, envKeyFile)
	case key != "":
		return key, envKey, nil
	case file == "":
		return "", "", usagef("%s is not set: put the API key there, or its file's name in %s", envKey, envKeyFile)
	}
	data, err := readFile(file, maxKey)
	if err != nil {
		return "", "", usagef("%s: %v", envKeyFile, err)
	}
	return strings.TrimSpace(string(data)), envKeyFile + " (" + file + ")", nil
}

// readFile reads a whole file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readAll(f, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// readAll reads r to its end, which must come within limit bytes.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return data, nil
}
