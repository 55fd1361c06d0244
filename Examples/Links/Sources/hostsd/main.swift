import Links
import MartletDaemon

await Daemon.run(HostsService.self)
