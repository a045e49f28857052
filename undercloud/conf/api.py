"""The REST API: where it listens, who may use it, and how much."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg

GROUP = "api"
OPTIONS = [
    cfg.StrOpt("host", default="127.0.0.1", help="Address to listen on."),
    cfg.PortOpt("port", default=13989, help="Port to listen on; 0 for any that is free."),
    cfg.StrOpt(
        "unix_socket", default="", help="Path of a Unix socket to listen on instead of host and port."
    ),
    cfg.StrOpt(
        "auth",
        default="basic",
        choices=["basic", "keystone", "none"],
        help="basic: users_file; keystone: keystonemiddleware with [keystone_authtoken]; none: everybody who "
        "reaches the Unix socket is an admin, and only there.",
    ),
    cfg.StrOpt(
        "keystone_project",
        default="admin",
        help="With auth = keystone: the project in which a user's roles count here. Not `service`: every "
        "service of a cloud is an admin there.",
    ),
    cfg.StrOpt("keystone_domain", default="Default", help="The name of the domain that this project is in."),
    cfg.StrOpt(
        "users_file",
        default="",
        help="name:bcrypt:role, one a line; empty: api/users in the state directory.",
    ),
    cfg.IntOpt(
        "remember", default=300, min=0, max=3600, help="Seconds that a verified password is remembered."
    ),
    cfg.StrOpt("certificate", default="", help="TLS certificate (PEM); empty: one of our own authority."),
    cfg.StrOpt("key", default="", help="The certificate's key (PEM)."),
    cfg.ListOpt("names", default=[], help="More names and addresses that our own certificate is for."),
    cfg.StrOpt(
        "policy_file", default="", help="Rules of oslo.policy over ours; empty: /etc/undercloud/policy.yaml."
    ),
    cfg.IntOpt("threads", default=24, min=4, max=512, help="Requests that are answered at the same time."),
    cfg.IntOpt("event_streams", default=8, min=1, help="Streams of events open at once; fewer than threads."),
    cfg.StrOpt("rate_limit", default="120000/minute", help="Requests of one client, as `limits` writes it."),
    cfg.StrOpt("login_limit", default="20/minute", help="Failed logins from one address."),
    cfg.IntOpt("upload_limit", default=256, min=1, help="MiB that a plan's archive may hold, unpacked."),
]


@dataclass(frozen=True)
class Api:
    """Sizes are MiB, times seconds; limits as the library ``limits`` writes them."""

    host: str
    port: int
    unix_socket: str
    auth: str
    keystone_project: str
    keystone_domain: str
    users_file: str
    remember: int
    certificate: str
    key: str
    names: tuple[str, ...]
    policy_file: str
    threads: int
    event_streams: int
    rate_limit: str
    login_limit: str
    upload_limit: int

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Api:
        """The values of a loaded configuration."""
        area = conf[GROUP]
        return cls(
            host=area.host,
            port=area.port,
            unix_socket=area.unix_socket,
            auth=area.auth,
            keystone_project=area.keystone_project,
            keystone_domain=area.keystone_domain,
            users_file=area.users_file,
            remember=area.remember,
            certificate=area.certificate,
            key=area.key,
            names=tuple(area.names),
            policy_file=area.policy_file,
            threads=area.threads,
            event_streams=area.event_streams,
            rate_limit=area.rate_limit,
            login_limit=area.login_limit,
            upload_limit=area.upload_limit,
        )

    def users(self, state_dir: Path) -> Path:
        """The file of users."""
        return Path(self.users_file) if self.users_file else state_dir / "api" / "users"
