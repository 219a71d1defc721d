package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A FlinkSession is a session at the SQL gateway: tables, views and settings
// last as long as it does. Its methods may be called from any goroutine, one at a
// time.
type FlinkSession struct{ url string }

// Session opens a session.
func (f *Flink) Session(ctx context.Context) (*FlinkSession, error) {
	var opened struct {
		Handle string `json:"sessionHandle"`
	}
	if err := post(ctx, f.Gateway+"/v3/sessions", struct{}{}, &opened); err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	return &FlinkSession{url: f.Gateway + "/v3/sessions/" + opened.Handle}, nil
}

// Run runs one statement to its end and returns the rows of its result: those
// that are left once all insertions and retractions have been applied. A value is
// text as Flink writes it in JSON, without the quotes of strings; NULL is "NULL".
// A query must be over sources with an end. The error tells what a job failed of.
func (s *FlinkSession) Run(ctx context.Context, statement string) ([][]string, error) {
	var started struct {
		Handle string `json:"operationHandle"`
	}
	if err := post(ctx, s.url+"/statements", map[string]string{"statement": statement}, &started); err != nil {
		return nil, fmt.Errorf("run %s: %w", firstLine(statement), err)
	}
	rows, err := s.result(ctx, started.Handle)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", firstLine(statement), cause(err))
	}
	return rows, nil
}

// result fetches page after page.
func (s *FlinkSession) result(ctx context.Context, operation string) ([][]string, error) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	var rows [][]string
	for token := 0; ; {
		body, err := get(ctx, fmt.Sprintf("%s/operations/%s/result/%d?rowFormat=JSON", s.url, operation, token))
		if err != nil {
			return nil, err
		}
		var page flinkPage
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, fmt.Errorf("read the gateway's answer: %w", err)
		}
		if rows, err = page.apply(rows); err != nil {
			return nil, err
		}
		switch page.Type {
		case "EOS":
			return rows, nil
		case "PAYLOAD":
			token++
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// A flinkPage is one answer about a result.
type flinkPage struct {
	Type    string `json:"resultType"` // NOT_READY, PAYLOAD, EOS
	Results struct {
		Data []struct {
			Kind   string            `json:"kind"`
			Fields []json.RawMessage `json:"fields"`
		} `json:"data"`
	} `json:"results"`
}

// apply applies the page's changes to the rows that there are.
func (p flinkPage) apply(rows [][]string) ([][]string, error) {
	for _, change := range p.Results.Data {
		row := make([]string, len(change.Fields))
		for i, field := range change.Fields {
			if row[i] = string(field); row[i] == "null" {
				row[i] = "NULL"
			}
			if strings.HasPrefix(row[i], `"`) {
				if err := json.Unmarshal(field, &row[i]); err != nil {
					return nil, fmt.Errorf("read a value: %w", err)
				}
			}
		}
		switch change.Kind {
		case "INSERT", "UPDATE_AFTER":
			rows = append(rows, row)
		case "DELETE", "UPDATE_BEFORE":
			at := slices.IndexFunc(rows, func(r []string) bool { return slices.Equal(r, row) })
			if at < 0 {
				return nil, errors.New("the result takes back a row that is not there")
			}
			rows = slices.Delete(rows, at, at+1)
		default:
			return nil, fmt.Errorf("the result has a change of the kind %q", change.Kind)
		}
	}
	return rows, nil
}

// cause shortens an error of the gateway to the last of its causes.
func cause(err error) error {
	text := err.Error()
	at := strings.LastIndex(text, "Caused by: ")
	if at < 0 {
		return err
	}
	line, _, _ := strings.Cut(text[at+len("Caused by: "):], `\n`)
	return errors.New(line)
}

func firstLine(statement string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(statement), "\n")
	return line
}

// post sends a question and reads the answer into to.
func post(ctx context.Context, url string, question, to any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	text, err := answer(request)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
