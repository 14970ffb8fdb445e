package service_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(closingMain{m})
}

// closingMain closes the connections that the tests themselves have left idle.
type closingMain struct{ m *testing.M }

func (c closingMain) Run() int {
	code := c.m.Run()
	http.DefaultClient.CloseIdleConnections()
	return code
}
