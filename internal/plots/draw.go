package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

const (
	columns    = 3
	tileWidth  = 430
	tileHeight = 232
	pageTitle  = 34
	legendRow  = 13
	margin     = 10
	dpi        = 72 // so that a point is a pixel
	maxLegend  = 9
)

var (
	colors = []color.RGBA{
		{0x1f, 0x77, 0xb4, 0xff}, {0xd6, 0x27, 0x28, 0xff}, {0x2c, 0xa0, 0x2c, 0xff}, {0xff, 0x7f, 0x0e, 0xff},
		{0x94, 0x67, 0xbd, 0xff}, {0x8c, 0x56, 0x4b, 0xff}, {0xe3, 0x77, 0xc2, 0xff}, {0x17, 0xbe, 0xcf, 0xff}, {0x7f, 0x7f, 0x7f, 0xff},
	}
	gray = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
)

// tile is a panel with its data.
type tile struct {
	panel
	from, to time.Time
	lines    []line
}

func drawPage(file, title string, tiles []tile) error {
	rows := (len(tiles) + columns - 1) / columns
	width, height := vg.Length(columns*tileWidth), vg.Length(rows*tileHeight+pageTitle)
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
	page := draw.New(img)
	page.FillText(style(16), vg.Point{X: margin, Y: height - 24}, title)
	for i, t := range tiles {
		left, top := vg.Length(i%columns*tileWidth), height-pageTitle-vg.Length(i/columns*tileHeight)
		c := draw.Canvas{Canvas: img, Rectangle: vg.Rectangle{
			Min: vg.Point{X: left + margin, Y: top - tileHeight + margin}, Max: vg.Point{X: left + tileWidth - margin, Y: top},
		}}
		if err := t.draw(c); err != nil {
			return fmt.Errorf("%s: %w", t.Title, err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(out); err != nil {
		return err
	}
	return out.Close()
}

func style(size vg.Length) text.Style {
	return text.Style{Color: color.Black, Font: font.From(plot.DefaultFont, size), Handler: plot.DefaultTextHandler}
}

func (t tile) draw(c draw.Canvas) error {
	p := plot.New()
	p.Title.Text = t.Title
	p.Title.TextStyle.Font.Size, p.Title.Padding = 12, 4
	p.X.Min, p.X.Max = 0, t.to.Sub(t.from).Minutes()
	p.X.Tick.Marker = ticks(func(v float64) string { return strconv.Itoa(int(v)) + " min" })
	p.Y.Tick.Marker = ticks(func(v float64) string { return show(v, t.FieldConfig.Defaults.Unit) })
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = 9, 9
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = gray, gray
	p.Add(grid)
	low, high := 0.0, 0.0
	lines := t.lines
	stacked := t.FieldConfig.Defaults.Custom.Stacking.Mode == "normal"
	if stacked {
		lines = pile(lines)
	}
	// The upper ones first: the lower ones of a stack lie on them.
	for i := len(lines) - 1; i >= 0; i-- {
		for _, segment := range t.segments(lines[i]) {
			for _, xy := range segment {
				low, high = min(low, xy.Y), max(high, xy.Y)
			}
			if stacked {
				area, err := plotter.NewPolygon(append(segment, plotter.XY{X: segment[len(segment)-1].X}, plotter.XY{X: segment[0].X}))
				if err != nil {
					return err
				}
				area.Color, area.Width = colors[i%len(colors)], 0
				p.Add(area)
				continue
			}
			drawn, err := plotter.NewLine(segment)
			if err != nil {
				return err
			}
			drawn.Color, drawn.Width = colors[i%len(colors)], 1.3
			p.Add(drawn)
		}
	}
	if high == low {
		high = low + 1
	}
	p.Y.Min, p.Y.Max = low, high+(high-low)*0.05
	below := t.legend(c)
	p.Draw(draw.Crop(c, 0, 0, below, 0))
	if len(t.lines) == 0 {
		s := style(11)
		s.XAlign = text.XCenter
		c.FillText(s, c.Center(), "no data")
	}
	return nil
}

// segments returns the parts of a line between which there is nothing.
func (t tile) segments(l line) []plotter.XYs {
	var all []plotter.XYs
	var last time.Time
	for _, p := range l.points {
		if last.IsZero() || p.at.Sub(last) > 2*scrapeInterval {
			all = append(all, nil)
		}
		last = p.at
		at := &all[len(all)-1]
		*at = append(*at, plotter.XY{X: p.at.Sub(t.from).Minutes(), Y: p.value})
	}
	return all
}

// pile puts each line on those before it.
func pile(lines []line) []line {
	below := make(map[int64]float64)
	var all []line
	for _, l := range lines {
		on := line{name: l.name}
		for _, p := range l.points {
			below[p.at.UnixMilli()] += p.value
			on.points = append(on.points, point{p.at, below[p.at.UnixMilli()]})
		}
		all = append(all, on)
	}
	return all
}

// legend draws the names of the lines at the lower edge, and returns its height.
func (t tile) legend(c draw.Canvas) vg.Length {
	s := style(9)
	type entry struct {
		x, row vg.Length
		name   string
		line   int
	}
	var entries []entry
	x, row := c.Min.X, vg.Length(0)
	for i, l := range t.lines {
		name := l.name
		if i == maxLegend && len(t.lines) > maxLegend+1 {
			name = fmt.Sprintf("and %d more", len(t.lines)-maxLegend)
		}
		w := s.Width(name) + 26
		if x+w > c.Max.X && x > c.Min.X {
			x, row = c.Min.X, row+1
		}
		entries = append(entries, entry{x, row, name, i})
		x += w
		if i == maxLegend {
			break
		}
	}
	for _, e := range entries {
		y := c.Min.Y + (row-e.row)*legendRow + 3
		c.StrokeLine2(draw.LineStyle{Color: colors[e.line%len(colors)], Width: 2}, e.x, y+3, e.x+12, y+3)
		c.FillText(s, vg.Point{X: e.x + 15, Y: y}, e.name)
	}
	return (row + 1) * legendRow
}

// ticks label gonum's own with a unit.
type ticks func(float64) string

// Ticks implements [plot.Ticker].
func (f ticks) Ticks(low, high float64) []plot.Tick {
	all := plot.DefaultTicks{}.Ticks(low, high)
	seen := make(map[string]bool)
	for i := range all {
		if all[i].Label == "" {
			continue
		}
		label := f(all[i].Value)
		if seen[label] {
			label = ""
		}
		seen[label] = true
		all[i].Label = label
	}
	return all
}

// show writes a value as Grafana does in its unit.
func show(v float64, unit string) string {
	if v == 0 {
		return "0"
	}
	size := math.Abs(v)
	number := func(v float64) string {
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64) // three digits
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	switch unit {
	case "s":
		switch {
		case size < 1e-3:
			return number(v*1e6) + " µs"
		case size < 1:
			return number(v*1e3) + " ms"
		case size < 120:
			return number(v) + " s"
		}
		return number(v/60) + " min"
	case "bytes":
		if size >= 1<<20 {
			return number(v/(1<<20)) + " MiB"
		}
		return number(v/(1<<10)) + " KiB"
	case "percentunit":
		return number(v*100) + " %"
	case "ops", "reqps":
		return number(v) + "/s"
	}
	if size >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64) // sequences are near each other
	}
	return number(v)
}
