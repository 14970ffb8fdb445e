package validator

import (
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a token's JSON. Cognito's own claims nest
// three deep (identities); a pre token generation trigger may add objects.
const maxDepth = 16

var (
	errJSON      = errors.New("not one strict JSON object")
	errDuplicate = errors.New("a name occurs twice in one JSON object")
	errDepth     = errors.New("JSON nested too deep")
)

// parseObject reads one JSON object (RFC 8259) with nothing but white space
// around it. Beyond encoding/json it refuses duplicate names at every level
// (RFC 7519, section 4, and RFC 7515, section 4), text that is not UTF-8 and
// lone surrogates, both of which encoding/json replaces with U+FFFD so that
// two different ids become one, and nesting beyond maxDepth. Numbers are kept
// as json.Number. The result is nil on error.
func parseObject(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, errJSON
	}
	p := parser{data: data}
	p.space()
	if !p.accept('{') {
		return nil, errJSON
	}
	object, err := p.object(1)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos != len(data) {
		return nil, errJSON
	}
	return object, nil
}

// parser reads UTF-8 text that the caller has checked.
type parser struct {
	data []byte
	pos  int
}

// peek returns the next byte, 0 at the end: no JSON text has a 0 byte.
func (p *parser) peek() byte {
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

func (p *parser) accept(c byte) bool {
	if p.pos < len(p.data) && p.data[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) space() {
	for p.accept(' ') || p.accept('\t') || p.accept('\n') || p.accept('\r') {
	}
}

// object reads the members after "{".
func (p *parser) object(depth int) (map[string]any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	object := make(map[string]any)
	p.space()
	if p.accept('}') {
		return object, nil
	}
	for {
		p.space()
		if !p.accept('"') {
			return nil, errJSON
		}
		name, err := p.text()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, errDuplicate
		}
		p.space()
		if !p.accept(':') {
			return nil, errJSON
		}
		if object[name], err = p.value(depth); err != nil {
			return nil, err
		}
		p.space()
		if p.accept('}') {
			return object, nil
		}
		if !p.accept(',') {
			return nil, errJSON
		}
	}
}

// array reads the elements after "[".
func (p *parser) array(depth int) ([]any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	array := []any{}
	p.space()
	if p.accept(']') {
		return array, nil
	}
	for {
		elem, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		array = append(array, elem)
		p.space()
		if p.accept(']') {
			return array, nil
		}
		if !p.accept(',') {
			return nil, errJSON
		}
	}
}

// value reads any JSON value inside a container of the given depth.
func (p *parser) value(depth int) (any, error) {
	p.space()
	switch {
	case p.accept('"'):
		return p.text()
	case p.accept('{'):
		return p.object(depth + 1)
	case p.accept('['):
		return p.array(depth + 1)
	case p.literal("true"):
		return true, nil
	case p.literal("false"):
		return false, nil
	case p.literal("null"):
		return nil, nil
	}
	return p.number()
}

func (p *parser) literal(word string) bool {
	if len(p.data)-p.pos < len(word) || string(p.data[p.pos:p.pos+len(word)]) != word {
		return false
	}
	p.pos += len(word)
	return true
}

func (p *parser) digits() bool {
	start := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > start
}

func (p *parser) number() (any, error) {
	start := p.pos
	p.accept('-')
	if !p.accept('0') && !p.digits() {
		return nil, errJSON
	}
	if p.accept('.') && !p.digits() {
		return nil, errJSON
	}
	if p.accept('e') || p.accept('E') {
		if !p.accept('+') {
			p.accept('-')
		}
		if !p.digits() {
			return nil, errJSON
		}
	}
	return json.Number(p.data[start:p.pos]), nil
}

// text reads the rest of a string after its opening quote.
func (p *parser) text() (string, error) {
	start := p.pos
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; {
		case c == '"':
			p.pos++
			return string(p.data[start : p.pos-1]), nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", errJSON
		}
		p.pos++
	}
	return "", errJSON
}

// escaped reads the rest of a string that began at start, from its first
// backslash on.
func (p *parser) escaped(start int) (string, error) {
	out := append([]byte(nil), p.data[start:p.pos]...)
	for p.pos < len(p.data) {
		c := p.data[p.pos]
		p.pos++
		switch {
		case c == '"':
			return string(out), nil
		case c < ' ':
			return "", errJSON
		case c != '\\':
			out = append(out, c)
		default:
			r, ok := p.escape()
			if !ok {
				return "", errJSON
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return "", errJSON
}

// escape reads what follows a backslash.
func (p *parser) escape() (rune, bool) {
	c := p.peek()
	p.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return p.unicode()
	}
	return 0, false
}

// unicode reads the hexadecimal digits after "\u", of both halves if they are
// a surrogate pair.
func (p *parser) unicode() (rune, bool) {
	r, ok := p.hex4()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if !p.literal(`\u`) {
		return 0, false
	}
	low, ok := p.hex4()
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, false
	}
	return r, ok
}

func (p *parser) hex4() (rune, bool) {
	if len(p.data)-p.pos < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(string(p.data[p.pos:p.pos+4]), 16, 16)
	p.pos += 4
	return rune(v), err == nil
}
