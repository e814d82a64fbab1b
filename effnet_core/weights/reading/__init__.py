"""What people's checkpoints are made of, and how each part of them is understood.

`pickled` reads PyTorch's files without running any of them, `containers` finds the network in what
they hold, `heads` takes a last layer that is written otherwise, `bundles` opens folders and zips,
`settings` and `companions` read what scripts and libraries say beside the tensors, and
`understood` is what people are shown before anything is computed.
"""
