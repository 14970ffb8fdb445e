package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
)

// mutant is one mistake.
type mutant struct {
	// file is the path from the module's root, with slashes.
	file string
	// find is text that occurs exactly once in file; replace is what stands
	// there instead.
	find, replace string
	// promise is what the mistake breaks, as the docs would say it.
	promise string
	// pkg is the directory of the package whose tests must notice, from the
	// module's root; that of file if empty.
	pkg string
	// run limits the tests to those that match, as go test's -run does. All if
	// empty, which is right unless the package is slow.
	run string
}

// name identifies m in output and for the flag -only.
func (m mutant) name() string { return m.file + ": " + m.promise }

// testedPackage returns the directory of the package whose tests run.
func (m mutant) testedPackage() string {
	if m.pkg != "" {
		return m.pkg
	}
	return path.Dir(m.file)
}

// mutate returns src with the mistake in it.
func (m mutant) mutate(src []byte) ([]byte, error) {
	if n := bytes.Count(src, []byte(m.find)); n != 1 {
		return nil, fmt.Errorf("%s has %q %d times, want once", m.file, m.find, n)
	}
	if m.find == m.replace {
		return nil, fmt.Errorf("%s: %q is replaced by itself", m.file, m.find)
	}
	return bytes.Replace(src, []byte(m.find), []byte(m.replace), 1), nil
}

// overlay writes the changed file and the JSON that lays it over the module at
// root into dir. It returns the path of the JSON.
func (m mutant) overlay(root, dir string) (string, error) {
	file := filepath.Join(root, filepath.FromSlash(m.file))
	src, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	src, err = m.mutate(src)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, src, 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, overlay, 0o600)
}
