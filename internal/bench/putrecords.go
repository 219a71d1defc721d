package main

import (
	"bufio"
	"context"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// runPutRecords is the way in which events usually go to Kinesis: one event in a
// record, 500 of them in a call, one call after the other, and what a call did not
// store is in the next one alone. Events of one row can overtake each other so.
func runPutRecords(ctx context.Context, args []string) error {
	endpoint, stream, path := args[0], args[1], args[2]
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := kinesis.NewFromConfig(cfg, func(o *kinesis.Options) { o.BaseEndpoint = &endpoint })
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const most = 500
	var batch []types.PutRecordsRequestEntry
	lines := bufio.NewScanner(f)
	for n := 0; lines.Scan(); n++ {
		batch = append(batch, types.PutRecordsRequestEntry{
			Data: append(lines.Bytes()[:len(lines.Bytes()):len(lines.Bytes())], '\n'), PartitionKey: aws.String(strconv.Itoa(n)),
		})
		if len(batch) == most {
			if err := putAll(ctx, client, stream, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return putAll(ctx, client, stream, batch)
}

// putAll returns when all records are stored.
func putAll(ctx context.Context, client *kinesis.Client, stream string, left []types.PutRecordsRequestEntry) error {
	const pause = 100 * time.Millisecond
	for len(left) > 0 {
		out, err := client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &stream, Records: left})
		if err != nil {
			return err
		}
		var failed []types.PutRecordsRequestEntry
		for i, r := range out.Records {
			if r.ErrorCode != nil {
				failed = append(failed, left[i])
			}
		}
		if left = failed; len(left) == 0 {
			break
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return nil
}
