package cognito

import (
	"testing"
	"time"
)

func TestClockLearns(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const ms = time.Millisecond
	type sample struct{ date, sent, received time.Duration } // since start
	for name, test := range map[string]struct {
		samples []sample
		want    time.Duration
	}{
		"none":                    {nil, 0},
		"in step":                 {[]sample{{0, 300 * ms, 400 * ms}}, 0},
		"at the edges":            {[]sample{{0, 0, 0}, {time.Second, 2 * time.Second, 2 * time.Second}}, 0},
		"ahead":                   {[]sample{{90 * time.Second, 0, 0}}, 90*time.Second + 500*ms},
		"behind":                  {[]sample{{-90 * time.Second, 0, 0}}, -90*time.Second + 500*ms},
		"round trip":              {[]sample{{90 * time.Second, 0, 2 * time.Second}}, 89*time.Second + 500*ms},
		"consistent sample":       {[]sample{{90 * time.Second, 0, 0}, {91 * time.Second, 800 * ms, 800 * ms}}, 90*time.Second + 500*ms},
		"narrower sample":         {[]sample{{90 * time.Second, 0, 0}, {90 * time.Second, 800 * ms, 800 * ms}}, 89*time.Second + 700*ms},
		"set back":                {[]sample{{90 * time.Second, 0, 0}, {time.Second, time.Second, time.Second}}, 500 * ms},
		"answers in wrong order":  {[]sample{{time.Second, time.Second, 1500 * ms}, {90 * time.Second, 0, time.Second}}, 0},
		"two answers at a moment": {[]sample{{0, 0, time.Second}, {90 * time.Second, time.Second, time.Second}}, 89*time.Second + 500*ms},
	} {
		t.Run(name, func(t *testing.T) {
			var c clock
			for _, s := range test.samples {
				before := c.offset
				moved := c.learn(start.Add(s.date), start.Add(s.sent), start.Add(s.received))
				if moved != (c.offset != before) {
					t.Errorf("learn(%v) = %t, offset was %v and is %v", s, moved, before, c.offset)
				}
			}
			if c.offset != test.want {
				t.Errorf("offset %v after %v, want %v", c.offset, test.samples, test.want)
			}
		})
	}
}

// However coarse the header, the estimate stays within a second of the truth
// after the first answer, and does not wander off.
func TestClockConverges(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, truth := range []time.Duration{0, 3 * time.Millisecond, -7700 * time.Millisecond, 499 * time.Millisecond, time.Hour} {
		var c clock
		for i := range 1000 {
			sent := start.Add(time.Duration(i) * 1237 * time.Millisecond)
			written := sent.Add(15 * time.Millisecond)
			received := written.Add(40 * time.Millisecond)
			c.learn(written.Add(truth).Truncate(time.Second), sent, received)
			if off := (c.offset - truth).Abs(); off > time.Second {
				t.Fatalf("truth %v: off by %v after %d answers", truth, off, i+1)
			}
		}
		if off := (c.offset - truth).Abs(); off > 550*time.Millisecond {
			t.Errorf("truth %v: still off by %v after 1000 answers", truth, off)
		}
	}
}
