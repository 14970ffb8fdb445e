package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// line is one series of a panel.
type line struct {
	name   string
	points []point
}

type point struct {
	at    time.Time
	value float64
}

// queryRange asks for what Grafana would.
func queryRange(ctx context.Context, prometheus, expr, legend string, from, to time.Time) ([]line, error) {
	expr = strings.NewReplacer("$__rate_interval", rateInterval.String(), "$job", ".*").Replace(expr)
	q := url.Values{
		"query": {expr}, "start": {seconds(from)}, "end": {seconds(to)}, "step": {scrapeInterval.String()},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, prometheus+"/api/v1/query_range?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s: %s", expr, answer.Error)
	}
	var lines []line
	for _, series := range answer.Data.Result {
		l := line{name: legendOf(legend, series.Metric)}
		for _, v := range series.Values {
			at, _ := v[0].(float64)
			text, _ := v[1].(string)
			value, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
				continue // as Grafana shows it: not at all
			}
			l.points = append(l.points, point{time.UnixMilli(int64(at * 1000)), value})
		}
		if len(l.points) > 0 {
			lines = append(lines, l)
		}
	}
	slices.SortFunc(lines, func(a, b line) int { return strings.Compare(a.name, b.name) })
	return lines, nil
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

var label = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

func legendOf(format string, labels map[string]string) string {
	return strings.TrimSpace(label.ReplaceAllStringFunc(format, func(s string) string {
		return labels[label.FindStringSubmatch(s)[1]]
	}))
}
