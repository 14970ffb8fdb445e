package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	jwxjwt "github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/seed-4e8dee1b/revoked/validator"
	"github.com/seed-4e8dee1b/revoked/validator/httpauth"
)

// serveFlag makes the program the server whose processor time is measured.
const serveFlag = "-serve"

const servedTokens = 2000

// routes are the ways to serve a request, plain first.
var routes = []string{"plain", "revoked-hit", "revoked-miss", "jwx-v2"}

// serve listens on loopback, prints its address and its tokens, and serves
// until stdin ends.
func serve() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	deny := filled(1_000_000)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	protect := func(v *validator.Validator) http.Handler {
		auth, err := httpauth.New(httpauth.Config{Validator: v})
		check(err)
		return auth.Middleware(ok)
	}
	set, err := jwk.Parse([]byte(keySet(key)))
	check(err)
	mux := http.NewServeMux()
	mux.Handle("/plain", ok)
	mux.Handle("/revoked-hit", protect(newValidator(keySet(key), deny, 0)))
	mux.Handle("/revoked-miss", protect(newValidator(keySet(key), deny, -1)))
	mux.HandleFunc("/jwx-v2", func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := jwxjwt.Parse([]byte(token), jwxjwt.WithKeySet(set), jwxjwt.WithIssuer(issuer), jwxjwt.WithRequiredClaim("exp")); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		ok(w, r)
	})
	mux.HandleFunc("/cpu", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, int64(cpuTime())) })
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(l.Addr())
	for _, token := range mint(key, servedTokens) {
		fmt.Println(token)
	}
	go http.Serve(l, mux)
	io.Copy(io.Discard, os.Stdin)
}

// requests compares the server's processor time for whole HTTP requests.
func requests(out io.Writer, sum *summary, o options) {
	self, err := os.Executable()
	check(err)
	server := exec.Command(self, serveFlag)
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	check(err)
	stdout, err := server.StdoutPipe()
	check(err)
	check(server.Start())
	defer server.Wait()
	defer stdin.Close()
	lines := bufio.NewScanner(stdout)
	lines.Scan()
	base := "http://" + lines.Text()
	var tokens []string
	for range servedTokens {
		lines.Scan()
		tokens = append(tokens, lines.Text())
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	get := func(route, token string) string {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, base+"/"+route, http.NoBody)
		check(err)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := client.Do(req)
		check(err)
		body, err := io.ReadAll(res.Body)
		check(err)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			panic(res.Status)
		}
		return string(body)
	}
	spent := func() float64 {
		ns, err := strconv.ParseFloat(get("cpu", ""), 64)
		check(err)
		return ns
	}
	cpu := make(map[string][]float64)
	for round := range o.rounds + 1 {
		for _, route := range routes {
			before := spent()
			for _, token := range tokens {
				get(route, token)
			}
			if round > 0 { // the first fills the cache
				ns := (spent() - before) / servedTokens
				cpu[route] = append(cpu[route], ns)
				fmt.Fprintf(out, "BenchmarkRequest/%s \t%8d\t%12.0f cpu-ns/op\n", route, servedTokens, ns)
			}
		}
	}
	sum.title("Server's processor time per HTTP request, 2,000 tokens, keep-alive, 1,000,000 entries")
	plain := median(cpu["plain"])
	for _, route := range routes {
		sum.note("%-34s %12.1f us  x%.2f", route, median(cpu[route])/1e3, median(cpu[route])/plain)
	}
	ratio := median(cpu["revoked-hit"]) / plain
	sum.judge(ratio <= 1.2, "processor time of an HTTP request, protected over plain", "<= 1.2x", "%.2fx", ratio)
}

// cpuTime is the processor time of this process so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
