package gtid

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Parse reads the text of a set as the server writes and takes it
// ("GTID Sets" in MySQL's manual): uuid[:tag]:interval[:interval]…, with commas
// between, in any order and case, with white space around the parts. The error
// says what is wrong.
func Parse(text string) (*Set, error) {
	s := &Set{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" { // the server writes none, people a comma too many
			continue
		}
		if err := s.parseOrigin(part); err != nil {
			return nil, fmt.Errorf("%.80q: %w", part, err)
		}
	}
	return s, nil
}

// parseOrigin adds uuid[:tag]:interval…, in which each tag holds for the
// intervals up to the next.
func (s *Set) parseOrigin(text string) error {
	head, rest, more := strings.Cut(text, ":")
	id, err := parseUUID(strings.TrimSpace(head))
	if err != nil {
		return err
	}
	src, open := Source{UUID: id}, true // open: an interval must follow
	for more {
		var part string
		part, rest, more = strings.Cut(rest, ":")
		part = strings.TrimSpace(part)
		if tag, ok := parseTag(part); ok {
			if open && src.Tag != "" {
				return errors.New("a tag has no interval")
			}
			src.Tag, open = tag, true
			continue
		}
		a, err := parseSpan(part)
		if err != nil {
			return err
		}
		s.addSpan(src, a)
		open = false
	}
	if open {
		return errors.New("an interval is missing")
	}
	return nil
}

// parseUUID reads the 36 characters of a UUID, in any case.
func parseUUID(text string) (id [16]byte, err error) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, errors.New("it does not begin with a UUID")
	}
	if _, err := hex.Decode(id[:], []byte(strings.ReplaceAll(text, "-", ""))); err != nil {
		return id, errors.New("it does not begin with a UUID")
	}
	return id, nil
}

// maxTag is the longest tag (MySQL: tag_max_length).
const maxTag = 32

// parseTag returns a tag in lower case, and false if text is none.
func parseTag(text string) (string, bool) {
	text = strings.ToLower(text)
	return text, validTag(text)
}

func validTag[T string | []byte](text T) bool {
	if len(text) == 0 || len(text) > maxTag || text[0] >= '0' && text[0] <= '9' {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// parseSpan reads n or first-last.
func parseSpan(text string) (span, error) {
	from, to, ranged := strings.Cut(text, "-")
	first, err := parseNumber(strings.TrimSpace(from))
	if err != nil || !ranged {
		return span{first, first + 1}, err
	}
	last, err := parseNumber(strings.TrimSpace(to))
	if err != nil {
		return span{}, err
	}
	if last < first {
		return span{}, fmt.Errorf("the interval %d-%d ends before it begins", first, last)
	}
	return span{first, last + 1}, nil
}

func parseNumber(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 || n > maxNumber {
		return 0, fmt.Errorf("%.40q is not the number of a transaction", text)
	}
	return n, nil
}

// Append appends the text of s: in the order of UUIDs, then of tags, lower case,
// without spaces. Equal sets have equal texts.
func (s *Set) Append(dst []byte) []byte {
	if s == nil {
		return dst
	}
	for i := range s.origins {
		o := &s.origins[i]
		if i == 0 || o.src.UUID != s.origins[i-1].src.UUID {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendUUID(dst, o.src.UUID)
		}
		if o.src.Tag != "" {
			dst = append(append(dst, ':'), o.src.Tag...)
		}
		for _, a := range o.spans {
			dst = strconv.AppendUint(append(dst, ':'), a.first, 10)
			if a.end > a.first+1 {
				dst = strconv.AppendUint(append(dst, '-'), a.end-1, 10)
			}
		}
	}
	return dst
}

// String returns what Append appends.
func (s *Set) String() string { return string(s.Append(nil)) }

// String returns uuid or uuid:tag.
func (s Source) String() string {
	text := appendUUID(nil, s.UUID)
	if s.Tag != "" {
		text = append(append(text, ':'), s.Tag...)
	}
	return string(text)
}

// appendUUID appends the 36 characters of a UUID, in lower case.
func appendUUID(dst []byte, id [16]byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}
