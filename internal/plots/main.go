// Command plots draws the panels of the Grafana dashboards where there is no
// Grafana, from real data: it runs revoked-dev, a gate and Prometheus with the
// scrape configuration and the rules of deploy/prometheus, signs users in, sends
// requests and revokes for some minutes, freezes NATS and the service for a part
// of them, asks Prometheus what each panel asks, and draws one page for each
// dashboard.
//
//	go run . -root ../.. # needs prometheus and bin/, as make dashboards-plot has
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

const (
	scrapeInterval = 2 * time.Second
	// rateInterval is what Grafana makes of it: four times as long, and longer
	// here, for smoother lines.
	rateInterval = 20 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root := flag.String("root", "../..", "root of the repository")
	lasts := flag.Duration("for", 6*time.Minute, "how long to record")
	flag.Parse()
	if err := run(ctx, *root, *lasts); err != nil {
		fmt.Fprintln(os.Stderr, "plots:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, lasts time.Duration) error {
	s, err := startStack(ctx, root)
	if err != nil {
		return err
	}
	defer s.close()
	began := time.Now()
	if err := s.live(ctx, lasts); err != nil {
		return err
	}
	return drawAll(ctx, s.prometheus, root, began, time.Now())
}

// dashboard is what is read of one.
type dashboard struct {
	UID, Title string
	Panels     []panel
}

type panel struct {
	Type, Title string
	FieldConfig struct {
		Defaults struct {
			Unit   string
			Custom struct{ Stacking struct{ Mode string } }
		}
	}
	Targets []struct{ Expr, LegendFormat string }
}

func drawAll(ctx context.Context, prometheus, root string, from, to time.Time) error {
	files, err := filepath.Glob(filepath.Join(root, "deploy/grafana/dashboards/*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no dashboards under %s: %w", root, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		var tiles []tile
		for _, p := range d.Panels {
			if p.Type == "row" {
				continue
			}
			t := tile{panel: p, from: from, to: to}
			for _, target := range p.Targets {
				lines, err := queryRange(ctx, prometheus, target.Expr, target.LegendFormat, from, to)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", d.Title, p.Title, err)
				}
				t.lines = append(t.lines, lines...)
			}
			if len(t.lines) == 0 {
				fmt.Printf("%s: %s is empty\n", d.Title, p.Title)
			}
			tiles = append(tiles, t)
		}
		out := filepath.Join(root, "docs/images", strings.TrimSuffix(filepath.Base(file), ".json")+".png")
		if err := drawPage(out, d.Title, tiles); err != nil {
			return err
		}
		fmt.Println("wrote", out)
	}
	return nil
}
