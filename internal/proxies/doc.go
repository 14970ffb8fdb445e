// Package proxies holds no code, only tests: the configurations in deploy/ are
// run by real proxies before a sample upstream, with a gate as a process of its
// own. `make test-proxies` installs nginx and Caddy where they are missing and
// runs them; without REVOKED_TEST_PROXIES=1 the tests that need them are
// skipped. The samples in other languages under examples/ are run as well.
package proxies
