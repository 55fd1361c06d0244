import Logging
import MartletContract
import MartletCore
import MartletTelemetry
import MartletTesting
import Testing

@testable import MartletHost

@Suite("The operators' contracts of a process")
struct OperatorContractsTests {
    private let time = ManualTime()

    private func runtime(_ name: String, _ contract: String) -> ServiceRuntime {
        ServiceRuntime(
            name: name,
            telemetry: Telemetry(service: name, level: .critical, time: time),
            time: time,
            contracts: [],
            operatorContracts: [ServedContract(name: contract, openAPI: "", on: NoPlatform())]
        )
    }

    @Test("a contract of one service is served beside the one that several services have, each once")
    func joined() {
        let joined = OperatorContracts.joined([
            runtime("log", "test.Log"), runtime("links", "test.Operate"), runtime("previews", "test.Operate"),
        ])
        #expect(joined.map(\.name) == ["test.Log", "test.Operate"])
        #expect(OperatorContracts.joined([]).isEmpty)
    }
}
