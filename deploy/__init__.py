"""What turns a checkout into the stick an installer carries: locks, the bundle builder, thin installers."""
