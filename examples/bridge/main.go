package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

var (
	errUsage = errors.New("wrong usage")
	errMap   = errors.New("the field map cannot be used")
)

func main() {
	v := "connectwise"
	if len(os.Args) > 1 {
		v = os.Args[1]
	}
	if err := tell(context.Background(), v, places{}, os.Stdout); err != nil {
		fmt.Println("ERROR", err)
		os.Exit(1)
	}
}
