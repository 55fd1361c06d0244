import Links
import MartletDaemon

await Daemon.run(LinksService.self)
