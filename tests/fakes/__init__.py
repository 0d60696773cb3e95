"""CRMs that speak their vendors' wire formats over a socket, keep what they are told, and go wrong on demand.

A new one is a subclass of `base.FakeCrm` and a line in `__main__.FAKES`. In the loop of a test:

    async with fake_server(MyFake()) as fake:
        await fake.misbehave(mode="rate_limited", retry_after=7)
        ... fake.url, fake.crm, fake.crm.written() ...

As a process, which can be killed and started again:

    with fake_process("my-vendor", tmp_path / "crm") as fake:
        fake.misbehave(mode="drop_after_commit", every=3)
        ... fake.url, fake.kill(), fake.start(), fake.written() ...
"""
