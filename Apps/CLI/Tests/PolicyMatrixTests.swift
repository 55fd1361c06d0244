import Console
import Testing

@testable import CLI

@Suite("Policy matrix")
struct PolicyMatrixTests {
    private func matrix() throws -> PolicyMatrix { PolicyMatrix(try Topology(json: TopologyTests.mill)) }

    @Test("has for each method of the contracts whom each service may call it for")
    func contracts() throws {
        let matrix = try matrix()
        #expect(matrix.services == ["eventlog", "grind"])
        let cells = matrix.rows.prefix(3).map { [$0.method, $0.users] + $0.services }
        #expect(
            cells == [
                ["mill.scales.v1.Scales/Weigh", "NOBODY", "", "users"],
                ["mill.bins.v1.Bins/Open", "ANYBODY", "itself", "itself"],
                ["mill.grind.v1.Grind/Grind", "ANYBODY", "", ""],
            ]
        )
    }

    @Test("has the endpoints beside contracts, which no service may call, and whose scopes are known")
    func endpoints() throws {
        let row = try #require(try matrix().rows.first { $0.method == "POST /hooks/{sender}" })
        #expect(row.service == "grind" && row.users == "hooks:send")
        #expect(row.callers == ["NONE"] && row.services == ["", ""])
        let topology = try Topology(json: TopologyTests.mill)
        #expect(KnownScopes.unknown(["hooks:send", "hooks:read"], in: topology) == ["hooks:read"])
    }

    @Test("has the methods of every system: of the event log, of operators, and of health")
    func everySystem() throws {
        let rows = try matrix().rows
        func row(_ method: String) throws -> PolicyMatrix.Row { try #require(rows.first { $0.method == method }) }
        let publish = try row("martlet.eventlog.v1.EventLogService/Publish")
        #expect(publish.users == "NOBODY" && publish.callers == ["ANY_SERVICE"])
        #expect(publish.services == ["itself", "itself"])
        let status = try row("martlet.eventlog.v1.EventLogService/Status")
        #expect(status.users == "operate" && status.callers == ["NONE"] && status.services == ["", ""])
        #expect(try row("martlet.operate.v1.OperateService/ListAudit").users == "operate")
        let health = try row("grpc.health.v1.Health/Check")
        #expect(health.users == "ANYBODY" && health.services.allSatisfy { $0 == "itself users guests" })
    }
}
