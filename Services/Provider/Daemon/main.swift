import CrashList
import MartletDaemon
import Provider

await Daemon.run(ProviderService.self, crashPoints: CrashPointNames.all)
