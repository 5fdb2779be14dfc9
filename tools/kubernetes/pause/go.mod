module organic5gc.example/lab/pause

go 1.26.0
