"""How Jupyter starts a kernel in the sandbox: `pytest --nbval-lax --nbval-kernel-name=sandbox`.

Registered under `jupyter_client.kernel_provisioners` in pyproject.toml. The connection goes over
sockets in a folder (`ipc`), since a sandbox has no network.
"""

from __future__ import annotations

from typing import Any

from jupyter_client.connect import KernelConnectionInfo, port_names
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerBase
from nbval.kernel import NbvalKernelspecManager

from coursetools.grading.sandbox.client import Nursery, World

KERNEL_NAME = "sandbox"
PROVISIONER = "course-sandbox"


class KernelspecManager(NbvalKernelspecManager):
    """Knows the sandboxed kernel beside those that are installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernel's specification, which names how it is started."""
        if kernel_name != KERNEL_NAME:
            return super().get_kernel_spec(kernel_name)
        return KernelSpec(
            argv=[],
            display_name="Python 3 in a sandbox",
            language="python",
            metadata={"kernel_provisioner": {"provisioner_name": PROVISIONER}},
        )


class SandboxProvisioner(KernelProvisionerBase):
    """Starts a kernel in a nursery that is given, or in a sandbox of its own."""

    process: World | None = None
    _own: Nursery | None = None

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel."""
        return self.process is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose the transport; there is no command to format."""
        manager: Any = self.parent
        manager.transport = "ipc"
        for number, name in enumerate(port_names, 1):
            setattr(manager, name, number)
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(
        self, cmd: list[str], nursery: Nursery | None = None, seed: int = 0, **kwargs: Any
    ) -> KernelConnectionInfo:
        """Ask for a kernel; what else Jupyter passes (folder, environment) the sandbox decides."""
        manager: Any = self.parent
        if nursery is None:
            nursery = self._own = Nursery()
        info = manager.get_connection_info()
        told = info | {"key": info["key"].decode()}
        self.process = nursery.kernel(seed, told)
        manager.ip = str(self.process.folder / "s")
        self.connection_info = manager.get_connection_info()
        return self.connection_info

    async def poll(self) -> int | None:
        """None while the kernel runs."""
        return self.process.poll() if self.process else 0

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        code = self.process.wait() if self.process else 0
        self.process = None
        return code

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel's process."""
        if self.process:
            self.process.send_signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """End the kernel with all that it has started."""
        if self.process:
            self.process.kill()

    async def terminate(self, restart: bool = False) -> None:
        """The same: nothing in a sandbox is worth waiting for."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Leave nothing behind."""
        if self.process:
            self.process.kill()
        if self._own is not None:
            self._own.close()
            self._own = None
