import Testing

@testable import LachesisHost

struct ControlGroupMountsTests {
    typealias Hierarchy = ControlGroupMounts.Hierarchy

    @Test func aServicesGroupInTheUnifiedHierarchyIsFound() {
        let mounts = ControlGroupMounts(
            mounts: """
                24 30 0:22 / /proc rw,nosuid shared:5 - proc proc rw
                29 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate

                """, groups: "0::/system.slice/lachesis.service\n")
        #expect(
            mounts.hierarchies == [
                Hierarchy(
                    folder: "/sys/fs/cgroup/system.slice/lachesis.service", isUnified: true,
                    controllers: [])
            ])
    }

    @Test func bothVersionsMayBeThereAtOnce() {
        let mounts = ControlGroupMounts(
            mounts: """
                31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
                32 30 0:28 / /sys/fs/cgroup/memory rw shared:1 master:2 - cgroup cgroup rw,memory
                33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
                """, groups: "5:memory:/a/b\n4:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n")
        #expect(
            mounts.hierarchies == [
                Hierarchy(
                    folder: "/sys/fs/cgroup/cpu,cpuacct", isUnified: false,
                    controllers: ["cpu", "cpuacct"]),
                Hierarchy(
                    folder: "/sys/fs/cgroup/memory/a/b", isUnified: false,
                    controllers: ["memory"]),
                Hierarchy(
                    folder: "/sys/fs/cgroup/unified", isUnified: true, controllers: []),
            ])
    }

    @Test func aContainersMountShowsItsOwnGroupAsTheTop() {
        let mounts = ControlGroupMounts(
            mounts: "32 30 0:28 /docker/77 /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids",
            groups: "3:pids:/docker/77/inner\n")
        #expect(mounts.hierarchies.map(\.folder) == ["/sys/fs/cgroup/pids/inner"])
    }

    @Test(arguments: [
        "", "\n", "1 2 3", "1 2 0:1 / /a rw - cgroup2", "32 30 0:28 /other /p rw - cgroup cgroup rw,pids",
    ])
    func whatIsNoneOrOutOfSightIsPassedOver(mounts: String) {
        #expect(ControlGroupMounts(mounts: mounts, groups: "3:pids:/docker/77\n0::/x").hierarchies.isEmpty)
    }

    @Test func pathsMayHaveSpacesAndBackslashes() {
        let mounts = ControlGroupMounts(
            mounts: #"29 24 0:26 / /a\040b\134c\9 rw - cgroup2 none rw"#, groups: "0::/d e:f")
        #expect(mounts.hierarchies.map(\.folder) == [#"/a b\c\9/d e:f"#])
    }

    @Test func bothVersionsAreToldInTheirOwnWords() {
        #expect(ControlGroupSetting.memory(bytes: 7).lines(isUnified: true).first?.file == "memory.max")
        #expect(ControlGroupSetting.memory(bytes: 7).lines(isUnified: false).first?.file == "memory.limit_in_bytes")
        #expect(
            ControlGroupSetting.cpu(quota: 5, period: 9).lines(isUnified: true) == [.init(file: "cpu.max", text: "5 9")]
        )
        #expect(
            ControlGroupSetting.cpu(quota: 5, period: 9).lines(isUnified: false).map(\.text) == ["9", "5"])
        #expect(ControlGroupSetting.share(cores: 2).lines(isUnified: true).isEmpty)
        #expect(ControlGroupSetting.share(cores: 2).lines(isUnified: false).map(\.text) == ["2048"])
    }
}
