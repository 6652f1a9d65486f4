package org.tuber.perf.profile;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Samples by chains of functions. A region's sample says which region ran and where control left
 * it; over the functions that the region is made of it is spread by how often their blocks ran
 * before they became one, times their instructions. That is an estimate; without it a function that
 * is part of its caller's region would never be seen.
 */
final class CallTree {
  /** A function in its chain of callers. */
  static final class Node {
    final String name;
    final Map<String, Node> children = new TreeMap<>();

    /** Samples here and below by tier. */
    final Map<String, Double> tiers = new LinkedHashMap<>();

    double self;

    Node(String name) {
      this.name = name;
    }

    double total() {
      return tiers.values().stream().mapToDouble(Double::doubleValue).sum();
    }

    /** The tier with the largest part. */
    String tier() {
      return tiers.entrySet().stream()
          .max(Map.Entry.comparingByValue())
          .map(Map.Entry::getKey)
          .orElse("");
    }

    private Node child(String child) {
      return children.computeIfAbsent(child, Node::new);
    }
  }

  /** Samples of a function whatever called it. */
  record Function(String name, double self, double inclusive, Map<String, Double> tiers) {}

  final Node root = new Node("all");
  private final Map<String, double[]> sums = new LinkedHashMap<>();
  private final Map<String, Map<String, Double>> selfTiers = new LinkedHashMap<>();
  private final Map<Integer, Map<String, Double>> shares = new LinkedHashMap<>();

  CallTree(ProfileData data, Symbolizer symbolizer) {
    for (ProfileData.Region region : data.regions.values()) {
      shares.put(region.number(), shares(data, region, symbolizer));
    }
    for (ProfileData.Sample sample : data.samples) {
      List<String> chain = new ArrayList<>();
      for (ProfileData.Frame frame : sample.frames()) {
        chain.add(symbolizer.name(frame));
      }
      Collections.reverse(chain);
      add(sample, chain);
    }
  }

  /** The parts of a region's functions in it, all together 1; empty where nothing is known. */
  private static Map<String, Double> shares(
      ProfileData data, ProfileData.Region region, Symbolizer symbolizer) {
    Map<String, Double> parts = new LinkedHashMap<>();
    double all = 0;
    for (ProfileData.Block b : region.blocks()) {
      double weight = (double) b.executions() * b.instructions();
      parts.merge(symbolizer.name(data.located(b.pc())), weight, Double::sum);
      all += weight;
    }
    double sum = all;
    if (sum == 0) {
      return Map.of();
    }
    parts.replaceAll((name, weight) -> weight / sum);
    return parts;
  }

  private void add(ProfileData.Sample sample, List<String> chain) {
    String leaf = chain.get(chain.size() - 1);
    Map<String, Double> parts = shares.getOrDefault(sample.region(), Map.of());
    if (parts.isEmpty()) {
      add(sample.tier(), chain, (double) sample.weight());
      return;
    }
    parts.forEach(
        (name, share) -> {
          if (name.equals(leaf)) {
            add(sample.tier(), chain, share * sample.weight());
          } else {
            List<String> longer = new ArrayList<>(chain);
            // A function above is the caller that the region grew around, not a call of it again.
            int at = chain.lastIndexOf(name);
            if (at >= 0) {
              longer.subList(at + 1, longer.size()).clear();
            } else {
              longer.add(name);
            }
            add(sample.tier(), longer, share * sample.weight());
          }
        });
  }

  private void add(String tier, List<String> chain, double weight) {
    Node node = root;
    node.tiers.merge(tier, weight, Double::sum);
    for (String name : chain) {
      node = node.child(name);
      node.tiers.merge(tier, weight, Double::sum);
    }
    node.self += weight;
    sums.computeIfAbsent(node.name, n -> new double[2])[0] += weight;
    selfTiers
        .computeIfAbsent(node.name, n -> new LinkedHashMap<>())
        .merge(tier, weight, Double::sum);
    chain.stream()
        .distinct()
        .forEach(name -> sums.computeIfAbsent(name, n -> new double[2])[1] += weight);
  }

  /** All functions, the ones with most samples of their own first. */
  List<Function> functions() {
    List<Function> all = new ArrayList<>();
    sums.forEach(
        (name, s) ->
            all.add(new Function(name, s[0], s[1], selfTiers.getOrDefault(name, Map.of()))));
    all.sort((a, b) -> Double.compare(b.self, a.self));
    return all;
  }

  /** The function that most of a region is of. */
  String name(ProfileData.Region region) {
    return shares.getOrDefault(region.number(), Map.of()).entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElse("");
  }
}
