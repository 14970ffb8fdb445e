package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// bill has cyclonedx-gomod list the modules in a binary, in CycloneDX JSON,
// without a serial number or a time: they would differ between two builds.
func bill(ctx context.Context, tool string, src sources, binary, to string) error {
	if _, err := output(ctx, nil, tool, billArgs(src, binary, to)...); err != nil {
		return err
	}
	return checkBill(to)
}

func billArgs(src sources, binary, to string) []string {
	return []string{"bin", "-json", "-noserial", "-notimestamp", "-output-version", "1.5", "-version", src.version, "-output", to, binary}
}

// checkBill fails if a bill does not name what every binary is made of.
func checkBill(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var bom struct {
		Format     string `json:"bomFormat"`
		Components []struct{ Name, Version, PURL string }
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	found := map[string]bool{}
	for _, c := range bom.Components {
		found[c.Name] = c.Version != "" && c.PURL != ""
	}
	if bom.Format != "CycloneDX" || !found["github.com/spf13/cobra"] || !found["github.com/nats-io/nats.go"] {
		return fmt.Errorf("%s does not list the modules of a binary of ours", path)
	}
	return nil
}
