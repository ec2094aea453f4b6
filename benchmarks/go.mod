module github.com/psasync/psasync/benchmarks

go 1.26.0

require (
	github.com/expr-lang/expr v1.17.8
	github.com/go-viper/mapstructure/v2 v2.5.0
	github.com/google/go-cmp v0.7.0
	github.com/psasync/psasync v0.0.0
)

require gopkg.in/yaml.v3 v3.0.1 // indirect

replace github.com/psasync/psasync => ../
