"""Tokens of Keystone for requests to an undercloud: fetched with an entry of clouds.yaml."""

from __future__ import annotations

from typing import Any

import openstack.exceptions
import requests
from keystoneauth1.exceptions import ClientException
from openstack.config import OpenStackConfig
from requests.auth import AuthBase

from undercloud.diagnostics import UndercloudError


class Token(AuthBase):
    """Adds ``X-Auth-Token``, anew before it ends; raises CLI-048 where clouds.yaml or Keystone gives none."""

    def __init__(self, cloud: str) -> None:
        self._cloud = cloud
        self._session: Any = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """As ``AuthBase``."""
        try:
            if self._session is None:
                # The entry says all: what OS_… says in the environment is of another cloud.
                self._session = OpenStackConfig(load_envvars=False).get_one(cloud=self._cloud).get_session()
            request.headers["X-Auth-Token"] = self._session.get_token()
        except (openstack.exceptions.SDKException, ClientException) as error:
            raise UndercloudError.of(
                "CLI-048",
                f"the cloud {self._cloud} of clouds.yaml gives no token: {error}",
                fix=f"Try: openstack --os-cloud {self._cloud} token issue",
            ) from error
        return request
