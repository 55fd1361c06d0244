import CrashList
import Provider
import MartletDaemon

await Daemon.run(ProviderService.self, crashPoints: CrashPointNames.all)
