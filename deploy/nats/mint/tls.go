package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A year: long enough that nobody is surprised in a trial, short enough that
// rotation is not forgotten. The authority outlives what it signs.
const (
	certificateValidity = 365 * 24 * time.Hour
	authorityValidity   = 10 * 365 * 24 * time.Hour
)

// writeTLS makes an authority, if there is none, and a certificate for each of
// hosts: names and addresses with commas between them, of which the first names
// the files. Routes show theirs as a client, too. Keys are kept; certificates
// are made anew.
func writeTLS(s store, hosts []string, validity time.Duration) error {
	if len(hosts) == 0 {
		return errUsage
	}
	if validity == 0 {
		validity = certificateValidity
	}
	ca, caKey, err := s.authority()
	if err != nil {
		return err
	}
	for _, list := range hosts {
		names := strings.Split(list, ",")
		cert := &x509.Certificate{
			Subject:  pkix.Name{CommonName: names[0]},
			NotAfter: time.Now().Add(validity),
			KeyUsage: x509.KeyUsageDigitalSignature,
			// A route is a client of the other end.
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		for _, name := range names {
			if ip := net.ParseIP(name); ip != nil {
				cert.IPAddresses = append(cert.IPAddresses, ip)
				continue
			}
			if err := checkName("host", strings.ReplaceAll(name, ".", "-")); err != nil {
				return err
			}
			cert.DNSNames = append(cert.DNSNames, name)
		}
		key, err := s.tlsKey(names[0] + "-key.pem")
		if err != nil {
			return err
		}
		if err := s.sign(names[0]+".pem", cert, ca, key, caKey); err != nil {
			return err
		}
	}
	return nil
}

// authority returns the certificate and key of who signs, kept as all keys are.
func (s store) authority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := s.tlsKey(filepath.Join("keys", "ca-key.pem"))
	if err != nil {
		return nil, nil, err
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "ca.pem"))
	if err == nil {
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, nil, errors.New("ca.pem is not PEM")
		}
		ca, err := x509.ParseCertificate(block.Bytes)
		return ca, key, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	ca := &x509.Certificate{
		Subject: pkix.Name{CommonName: "revoked NATS"}, NotAfter: time.Now().Add(authorityValidity),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return ca, key, s.sign("ca.pem", ca, ca, key, key)
}

func (s store) sign(name string, cert, ca *x509.Certificate, key, caKey *ecdsa.PrivateKey) error {
	cert.NotBefore = time.Now().Add(-5 * time.Minute) // clocks differ
	der, err := x509.CreateCertificate(rand.Reader, cert, ca, key.Public(), caKey)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return s.write(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// tlsKey returns the key in that file, and makes one if there is none.
func (s store) tlsKey(name string) (*ecdsa.PrivateKey, error) {
	path := filepath.Join(s.dir, name)
	text, err := os.ReadFile(path)
	if err == nil {
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s is not PEM", path)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		key, ok := parsed.(*ecdsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("%s is not a key that mint has made", path)
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, s.write(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
