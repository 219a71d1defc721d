package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
)

// applySetup runs what of a plan is not there yet.
func applySetup(ctx context.Context, s capture.Setup, plan capture.Plan, yes bool) error {
	if blocked := plan.Blocked(); len(blocked) > 0 {
		errs := []error{failure.Stop("", "nothing was changed, as the server is not ready for it")}
		for _, b := range blocked {
			errs = append(errs, failure.Stop(b.How, "%s", b.What))
		}
		return errors.Join(errs...)
	}
	fmt.Printf("%s, as %s\n", plan.Server, plan.As)
	for _, step := range plan.Steps {
		if step.Done {
			fmt.Println("there already:", oneLine(step.SQL))
		}
	}
	if err := runSteps(ctx, s, plan, yes); err != nil {
		return err
	}
	for _, setting := range plan.Settings {
		fmt.Printf("note: %s: %s\n", setting.What, setting.How)
	}
	for _, note := range plan.Notes {
		fmt.Println("note:", note)
	}
	fmt.Println("next: tailrace check, with the same settings")
	return nil
}

// removeSetup takes away what the server has for a pipeline and nobody else.
func removeSetup(ctx context.Context, cfg config.Config, s capture.Setup, yes bool) error {
	plan, err := s.Removal(ctx)
	if err != nil {
		return err
	}
	if plan.Server != "" {
		fmt.Printf("%s, as %s\n", plan.Server, plan.As)
	}
	for _, note := range plan.Notes {
		fmt.Println("note:", note)
	}
	if len(plan.Steps) == 0 {
		fmt.Println("there is nothing to remove")
		return nil
	}
	if err := runSteps(ctx, s, plan, yes); err != nil {
		return err
	}
	again := ""
	if cfg.Source.Kind == config.SourcePostgres && !cfg.Source.Postgres.Create {
		again = "tailrace setup --apply, then "
	}
	fmt.Printf("note: the checkpoint at %s stays, and a run that finds it stops, as its place is gone; to begin anew with the same name: %stailrace position set now\n", cfg.Checkpoint.URL, again)
	return nil
}

// runSteps asks, and runs the steps that are to be run, in order, until one fails.
func runSteps(ctx context.Context, s capture.Setup, plan capture.Plan, yes bool) error {
	var todo []int
	for i, step := range plan.Steps {
		if !step.Done {
			todo = append(todo, i)
		}
	}
	if len(todo) == 0 {
		fmt.Println("nothing is missing")
		return nil
	}
	if !yes {
		for _, i := range todo {
			fmt.Println("to run:", oneLine(plan.Steps[i].SQL))
		}
		if err := agreed(ctx, fmt.Sprintf("Run %s? [y/N] ", statements(len(todo)))); err != nil {
			return err
		}
	}
	for n, i := range todo {
		if err := s.Run(ctx, i); err != nil {
			left := todo[n:]
			for _, k := range left {
				fmt.Println("not run:", oneLine(plan.Steps[k].SQL))
			}
			if ctx.Err() != nil {
				return failure.Usage("the same command goes on", "interrupted, %s not run", statements(len(left)))
			}
			return fmt.Errorf("%w; %s not run: when it is mended, the same command goes on", err, statements(len(left)))
		}
		fmt.Println("done:", oneLine(plan.Steps[i].SQL))
	}
	return nil
}

func statements(n int) string {
	if n == 1 {
		return "1 statement"
	}
	return fmt.Sprintf("%d statements", n)
}

// oneLine keeps a name with a line break from looking like output of its own.
func oneLine(sql string) string {
	return strings.NewReplacer("\n", `\n`, "\r", `\r`, "\x1b", `\e`).Replace(sql)
}

// agreed asks on the terminal. Where there is none, nobody can agree.
func agreed(ctx context.Context, question string) error {
	if !console.IsTerminal(os.Stdin) {
		return failure.Usage("say --yes, if you agree to what it prints without --apply", "nobody can be asked, as stdin is no terminal: nothing was changed")
	}
	fmt.Print(question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n') // its end is a no
		answer <- line
	}()
	select {
	case line := <-answer:
		if line = strings.ToLower(strings.TrimSpace(line)); line == "y" || line == "yes" {
			return nil
		}
	case <-ctx.Done():
		fmt.Println()
	}
	return failure.Usage("", "not agreed to: nothing was changed")
}
